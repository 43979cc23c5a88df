-- The foreign keys of a database; those of partitions come with their parent's.
select n.nspname::text, c.relname::text, k.conname::text, pg_get_constraintdef(k.oid), k.convalidated,
       c.relkind = 'p', obj_description(k.oid, 'pg_constraint')
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
where k.contype = 'f' and k.conparentid = 0
  and n.nspname not in ('pg_catalog', 'information_schema', 'mwa')
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1, 2, 3
