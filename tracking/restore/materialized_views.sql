-- The columns of materialized views, whether they hold rows, and how many bytes.
select n.nspname::text, c.relname::text, c.relispopulated,
       -- pg_table_size takes a lock itself: it would wait behind a REFRESH for as long as that takes
       case when c.oid in (select l.relation from pg_locks l
                           where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock')
            then c.relpages::bigint * current_setting('block_size')::int
            else coalesce(pg_table_size(c.oid), 0) end,
       array(select a.attname::text from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum),
       array(select format_type(a.atttypid, a.atttypmod) from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'm' and n.nspname not in ('pg_catalog', 'information_schema', 'mwa')
order by 1, 2
