-- Tables with rows of their own, and whether each has an index that identifies a row (as nodes/postgres/tables.sql
-- has it). Sizes are left out: reading one waits for whoever has locked the table.
select format('%I.%I', n.nspname, c.relname), c.relreplident::text, c.relpersistence = 'u',
       c.relreplident in ('d', 'i') and exists (
           select from pg_index i
           where i.indrelid = c.oid and i.indisvalid and i.indimmediate
             and case c.relreplident when 'i' then i.indisreplident else i.indisprimary end)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema', 'mwa')
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1
