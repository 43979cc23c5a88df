-- Columns of user tables whose type, or whose array's element type, belongs to an extension.
select n.nspname || '.' || c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod),
       e.extname::text, e.extversion
from pg_attribute a
join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p') and c.relpersistence <> 't'
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
join pg_depend d on d.classid = 'pg_type'::regclass and d.deptype = 'e'
                and d.objid in (t.oid, t.typelem, t.typbasetype)
join pg_extension e on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid
where a.attnum > 0 and not a.attisdropped and n.nspname not in ('pg_catalog', 'information_schema', 'mwa')
order by 1
