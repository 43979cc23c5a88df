-- Materialized views, and which others each of them reads, directly or through plain views.
with recursive reads (view, relation) as (
    select r.ev_class, d.refobjid
    from pg_rewrite r
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
                    and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
    join pg_class m on m.oid = r.ev_class and m.relkind in ('m', 'v')
), needs (view, relation) as (
    select view, relation from reads
    union
    select n.view, r.relation from needs n join pg_class v on v.oid = n.relation and v.relkind = 'v'
    join reads r on r.view = n.relation
)
select n.nspname::text, c.relname::text, c.relispopulated,
       array(select distinct array[rn.nspname::text, rc.relname::text]
             from needs join pg_class rc on rc.oid = needs.relation and rc.relkind = 'm'
             join pg_namespace rn on rn.oid = rc.relnamespace
             where needs.view = c.oid)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'm' and n.nspname not in ('pg_catalog', 'information_schema', 'mwa')
order by 1, 2
