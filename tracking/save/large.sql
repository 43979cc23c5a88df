-- The indexes of the tables %(tables)s that may be built each by itself, beside the others of the same table.
-- ADD PRIMARY KEY would lock the table against every other build; its index can be built first and be
-- adopted. That is possible where a plain unique btree index stands for the whole constraint.
select i.indexrelid, k.oid, n.nspname::text, t.relname::text, x.relname::text, pg_get_indexdef(i.indexrelid),
       coalesce(s.spcname, '')::text, k.contype::text, k.condeferrable, k.condeferred,
       i.indisclustered, i.indisreplident
from pg_index i
join pg_class t on t.oid = i.indrelid
join pg_class x on x.oid = i.indexrelid
join pg_am a on a.oid = x.relam
join pg_namespace n on n.oid = t.relnamespace
left join pg_tablespace s on s.oid = x.reltablespace
left join pg_constraint k on k.conindid = i.indexrelid and k.conrelid = t.oid and k.contype in ('p', 'u', 'x')
where i.indrelid = any (%(tables)s) and i.indisvalid
  and (k.oid is null or k.contype <> 'x' and a.amname = 'btree')
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid and d.deptype = 'x')
order by array_position(%(tables)s, t.oid), i.indexrelid
