-- The same of the whole server.
select 'ROLE', count(*) from pg_roles where oid >= 16384 and rolname not like 'mwa%'
union all
select 'ROLE MEMBERSHIP', count(*) from pg_auth_members m join pg_roles r on r.oid = m.member where r.oid >= 16384
union all
select 'TABLESPACE', count(*) from pg_tablespace where oid >= 16384
union all
select 'SYSTEM SETTING', case when pg_has_role('pg_read_all_settings', 'usage') then (
    select count(*) from pg_settings where sourcefile like '%postgresql.auto.conf') end
