-- The size of each database that may be asked about, the largest first.
select datname::text as name, pg_database_size(oid) as bytes
from pg_database
where has_database_privilege(oid, 'connect') or pg_has_role('pg_read_all_stats', 'usage')
order by bytes desc
limit 100
