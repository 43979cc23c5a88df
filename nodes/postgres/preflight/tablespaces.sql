-- Tablespaces other than the database's default one that relations are in, and that default if it is not pg_default.
select t.spcname::text, pg_tablespace_location(t.oid)
from pg_tablespace t
where t.spcname not in ('pg_default', 'pg_global')
  and (t.oid in (select reltablespace from pg_class)
       or t.oid = (select dattablespace from pg_database where datname = current_database()))
order by 1
