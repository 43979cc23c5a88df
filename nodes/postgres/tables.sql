-- Every ordinary table that holds rows of its own (leaf partitions, not their partitioned parents).
with equality as materialized (
    -- Our sessions find no operator outside pg_catalog by its name: an extension's type has its own elsewhere
    select o.oid as class, 'operator(' || quote_ident(n.nspname) || '.' || e.oprname || ')' as name
    from pg_opclass o
    join pg_am m on m.oid = o.opcmethod and m.amname = 'btree'
    join pg_amop p on p.amopfamily = o.opcfamily and p.amopstrategy = 3
                  and p.amoplefttype = o.opcintype and p.amoprighttype = o.opcintype
    join pg_operator e on e.oid = p.amopopr
    join pg_namespace n on n.oid = e.oprnamespace)
select c.oid, n.nspname, c.relname, c.relreplident, c.relpersistence, c.relispartition,
       greatest(c.reltuples, 0)::bigint, c.relpages::bigint,
       -- pg_table_size takes a lock itself: it would wait behind an ALTER TABLE for as long as that takes
       case when c.oid in (select l.relation from pg_locks l
                           where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock')
            then c.relpages::bigint * current_setting('block_size')::int
            else coalesce(pg_table_size(c.oid), 0) end,
       array(select a.attname from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum)::text[],
       array(select a.attname from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated <> ''
             order by a.attnum)::text[],
       array(select format_type(a.atttypid, a.atttypmod) from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum)::text[],
       array(select a.attname from unnest(k.indkey::int2[]) with ordinality u(attnum, position)
             join pg_attribute a on a.attrelid = c.oid and a.attnum = u.attnum
             where position <= k.indnkeyatts order by position)::text[],
       array(select coalesce(e.name, 'operator(pg_catalog.=)')
             from unnest(k.indclass::oid[]) with ordinality u(class, position)
             left join equality e on e.class = u.class order by position)::text[]
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join lateral (
    select i.indkey, i.indnkeyatts, i.indclass from pg_index i
    where i.indrelid = c.oid and i.indisvalid and i.indimmediate
      and case c.relreplident when 'i' then i.indisreplident else i.indisprimary end
    limit 1) k on true
where c.relkind = 'r' and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema', 'mwa')
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
