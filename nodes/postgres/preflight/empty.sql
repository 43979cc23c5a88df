-- What a database holds besides what a new one holds: everything outside extensions, and not schema mwa.
select object from (
    select 'schema ' || n.nspname as object, 'pg_namespace'::regclass as class, n.oid
    from pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname not in ('public', 'information_schema', 'mwa')
    union all
    select case c.relkind when 'r' then 'table ' when 'p' then 'table ' when 'v' then 'view '
                          when 'm' then 'materialized view ' when 'S' then 'sequence '
                          when 'f' then 'foreign table ' end || n.nspname || '.' || c.relname,
           'pg_class'::regclass, c.oid
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and n.nspname !~ '^pg_'
      and n.nspname not in ('information_schema', 'mwa')
    union all
    select 'function ' || n.nspname || '.' || p.proname, 'pg_proc'::regclass, p.oid
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'mwa')
    union all
    -- Neither arrays nor the row types of the tables above.
    select 'type ' || n.nspname || '.' || t.typname, 'pg_type'::regclass, t.oid
    from pg_type t join pg_namespace n on n.oid = t.typnamespace
    left join pg_class c on c.oid = t.typrelid
    where (t.typtype in ('e', 'd', 'r') or c.relkind = 'c') and n.nspname !~ '^pg_'
      and n.nspname not in ('information_schema', 'mwa')
    union all
    select 'large object ' || l.oid, 'pg_largeobject'::regclass, l.oid from pg_largeobject_metadata l
) found
where not exists (select from pg_depend d
                  where d.classid = found.class and d.objid = found.oid and d.deptype = 'e')
order by object
