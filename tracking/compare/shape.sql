-- One table as compare has to know it; no row where there is none of that name.
-- to_jsonb() because the locale's columns are called differently by every major version.
select c.relkind::text, c.relpersistence::text,
       case when c.relkind = 'r' then pg_relation_size(c.oid) else 0 end,
       array(select a.attname from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum)::text[],
       array(select format_type(a.atttypid, a.atttypmod) from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum)::text[],
       coalesce(k.columns, array[]::text[]), coalesce(k.equals, array[]::text[]),
       coalesce(k.orders, array[]::text[]), coalesce(k.plain, false),
       (select s.correlation from pg_stats s
        where s.schemaname = n.nspname and s.tablename = c.relname and s.attname = k.columns[1]
        and not s.inherited),
       pg_size_bytes(current_setting('effective_cache_size')),
       current_setting('server_encoding'),
       hashtextextended('one byte order' collate "C", 1)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join lateral (
    select array_agg(a.attname::text order by position) as columns,
           array_agg(coalesce((
               select 'operator(' || quote_ident(en.nspname) || '.' || e.oprname || ')'
               from pg_amop p join pg_operator e on e.oid = p.amopopr
               join pg_namespace en on en.oid = e.oprnamespace
               where p.amopfamily = o.opcfamily and p.amopstrategy = 3 and m.amname = 'btree'
                 and p.amoplefttype = o.opcintype and p.amoprighttype = o.opcintype
           ), 'operator(pg_catalog.=)') order by position) as equals,
           array_agg(case when col.oid is null then ''
                          when col.collprovider = 'd' then concat_ws(' ',
                              coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'), d.datcollate,
                              to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'datlocale')
                          else concat_ws(' ', col.collprovider, to_jsonb(col) ->> 'collcollate',
                              to_jsonb(col) ->> 'colliculocale', to_jsonb(col) ->> 'colllocale') end
                     order by position) as orders,
           bool_and(o.opcdefault and m.amname = 'btree' and o.opcnamespace = 'pg_catalog'::regnamespace
                    and i.indoption[position - 1] = 0 and i.indcollation[position - 1] = a.attcollation) as plain
    from (select * from pg_index
          where indrelid = c.oid and indisvalid
            and case c.relreplident when 'i' then indisreplident else indisprimary end limit 1) i
    cross join unnest(i.indkey::int2[]) with ordinality u(attnum, position)
    join pg_attribute a on a.attrelid = c.oid and a.attnum = u.attnum
    join pg_opclass o on o.oid = i.indclass[position - 1]
    join pg_am m on m.oid = o.opcmethod
    left join pg_collation col on col.oid = a.attcollation
    join pg_database d on d.datname = current_database()
    where position <= i.indnkeyatts
) k on true
where n.nspname = {schema} and c.relname = {name}
