-- Logical replication of somebody else in this database.
select 'subscription', s.subname::text
from pg_subscription s join pg_database d on d.oid = s.subdbid
where d.datname = current_database() and s.subname not like 'mwa\_%'
union all
select 'publication', pubname::text from pg_publication where pubname !~ '^mwa(_|$)'
union all
select 'slot', slot_name::text
from pg_replication_slots where database = current_database() and slot_name not like 'mwa\_%'
order by 1 desc, 2
