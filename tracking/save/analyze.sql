-- What has to be analyzed so that everything is, the largest first. ANALYZE of a partitioned table goes through
-- its partitions too, and of any parent through the tables that inherit from it: one with a foreign table
-- below it is left out, for the server that has those rows need not be reachable from here.
with recursive above (relation, ancestor) as (
    select inhrelid, inhparent from pg_inherits
    union
    select a.relation, i.inhparent from above a join pg_inherits i on i.inhrelid = a.ancestor
), remote as (
    select a.ancestor from above a join pg_class f on f.oid = a.relation and f.relkind = 'f'
)
select n.nspname, c.relname
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm') and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema', 'mwa')
  and c.oid not in (select ancestor from remote)
  and not exists (select from above a join pg_class p on p.oid = a.ancestor and p.relkind = 'p'
                  where a.relation = c.oid and p.oid not in (select ancestor from remote))
order by c.relpages desc, 1, 2
