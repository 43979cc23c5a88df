-- The replication criteria list: which objects are mirrored. The rules are the same on both nodes; what an
-- object is by them stands in mwa.known: INCLUDE, EXCLUDE, or DEFINITION, which is without its contents.
create table if not exists mwa.criteria (
    inclusion text not null,
    schema_name text not null,  -- '' stands for all, also below
    object_type text not null,
    object_name text not null,
    primary key (schema_name, object_type, object_name)
);
alter table mwa.known add column if not exists inclusion text not null default 'INCLUDE';

create or replace function mwa.active_criteria() returns mwa.criteria[]
    language sql stable set search_path = pg_catalog as $$
    select coalesce(array_agg(c), '{}') from mwa.criteria c
$$;

-- The most specific rule decides: for the object, for its type, for its schema, for everything.
create or replace function mwa.resolve(rules mwa.criteria[], schema_name text, object_type text, object_name text)
    returns text
    language sql immutable parallel safe set search_path = pg_catalog as $$
    select coalesce((
        select r.inclusion from unnest(rules) r
        where r.schema_name in ('', resolve.schema_name) and r.object_type in ('', resolve.object_type)
          and r.object_name in ('', resolve.object_name)
        order by r.object_name <> '' desc, r.object_type <> '' desc, r.schema_name <> '' desc limit 1), 'INCLUDE')
$$;

-- What is included or not along with something else: a column's sequence, a table's statistics.
create or replace function mwa.decided_with(inout class oid, inout object oid)
    language sql stable set search_path = pg_catalog as $$
    select coalesce(d.refclassid, w.class), coalesce(d.refobjid, w.object)
    from mwa.whole_object(decided_with.class, decided_with.object) w
    left join lateral (
        select 'pg_class'::regclass::oid as refclassid, s.stxrelid as refobjid
        from pg_statistic_ext s where w.class = 'pg_statistic_ext'::regclass and s.oid = w.object
        union all
        select d.refclassid, d.refobjid from pg_depend d join pg_class c on c.oid = d.objid and c.relkind = 'S'
        where (d.classid, d.objid) = (w.class, w.object) and d.refclassid = w.class and d.deptype = 'a' and d.refobjsubid > 0
        limit 1) d on true
$$;

-- What an object is by these rules. A schema always travels, for other things are named in it; a partition goes
-- with its parent unless a rule is about it alone.
create or replace function mwa.inclusion(rules mwa.criteria[], class oid, object oid) returns text
    language plpgsql stable set search_path = pg_catalog as $$
declare
    whole record;
    called record;
    library text;
    parent oid;
begin
    if rules = '{}' then
        return 'INCLUDE';
    end if;
    select * into whole from mwa.decided_with(class, object);
    select * into called from mwa.identify(whole.class, whole.object);
    if called.type is null or called.type = 'schema' then
        return 'INCLUDE';
    end if;
    library := coalesce((select nspname from pg_namespace where oid = called.namespace), '');
    if whole.class = 'pg_class'::regclass then
        parent := mwa.partition_of(whole.object);
    end if;
    if parent is not null and not exists (
        select from unnest(rules) r where (r.schema_name, r.object_type, r.object_name) = (library, called.type, called.name)) then
        return mwa.inclusion(rules, whole.class, parent);
    end if;
    return mwa.resolve(rules, library, called.type, called.name);
end $$;

create or replace function mwa.is_mirrored(relation oid) returns boolean
    language sql stable set search_path = pg_catalog as $$
    select mwa.inclusion(mwa.active_criteria(), 'pg_class'::regclass, relation) = 'INCLUDE'
$$;

-- Every table, sequence and view whose contents are not mirrored, by the rules or for a while.
create or replace function mwa.unmirrored() returns table (schema_name text, name text, inclusion text)
    language sql stable set search_path = pg_catalog as $$
    with known as (
        select object, inclusion from mwa.known where class = 'pg_class'::regclass and inclusion <> 'INCLUDE'),
    every as (
        select object, inclusion from known
        union select t, 'HELD BACK' from mwa.held_back h, mwa.tree(h.relation) t
        union select s, k.inclusion from known k, mwa.owned_sequences(k.object, 'i') s)
    select n.nspname::text, c.relname::text, e.inclusion
    from every e join pg_class c on c.oid = e.object join pg_namespace n on n.oid = c.relnamespace
$$;

-- Write down what every object is by the rules of now.
create or replace function mwa.apply_criteria() returns void
    language sql set search_path = pg_catalog as $$
    update mwa.known k set inclusion = i.inclusion
    from (select class, object, mwa.inclusion(r.rules, class, object) as inclusion
          from mwa.known, (select mwa.active_criteria() as rules) r) i
    where (k.class, k.object) = (i.class, i.object) and k.inclusion <> i.inclusion
$$;

-- The object that is described, for one that something depends on: of an array type its element, of a row type
-- its table.
create or replace function mwa.stands_for(inout class oid, inout object oid)
    language plpgsql stable set search_path = pg_catalog as $$
declare
    type record;
begin
    if class = 'pg_type'::regclass then
        select coalesce(nullif(t.typelem, 0), t.oid) as element into type
        from pg_type t where t.oid = object and (t.typelem = 0 or t.typsubscript = 'array_subscript_handler'::regproc);
        object := coalesce(type.element, object);
        select c.oid as relation into type from pg_type t join pg_class c on c.oid = t.typrelid and c.relkind <> 'c' where t.oid = object;
        if type.relation is not null then
            class := 'pg_class'::regclass;
            object := type.relation;
        end if;
    end if;
    select w.class, w.object into class, object from mwa.whole_object(class, object) w;
end $$;

-- Which object needs which to be made first. Not a sequence the table whose column owns it, and not a table
-- those that point to it, though the triggers of theirs are on it.
create or replace function mwa.needs() returns table (class oid, object oid, other_class oid, other oid)
    language sql stable set search_path = pg_catalog as $$
    select distinct a.class, a.object, b.class, b.object
    from pg_depend d, mwa.stands_for(d.classid, d.objid) a, mwa.stands_for(d.refclassid, d.refobjid) b
    where d.objid >= 16384 and d.refobjid >= 16384 and (a.class, a.object) <> (b.class, b.object)
      and not (d.deptype = 'a' and d.classid = 'pg_class'::regclass and d.objid in (select seqrelid from pg_sequence))
      and not (d.classid = 'pg_trigger'::regclass and d.objid in (select oid from pg_trigger where tgisinternal))
$$;

-- The objects that would be something else by these rules than they are.
create or replace function mwa.would_change(rules mwa.criteria[]) returns table (
    class oid, object oid, type text, schema_name text, identity text, before text, after text)
    language sql stable set search_path = pg_catalog as $$
    select o.class, o.object, i.type, coalesce(n.nspname::text, ''), i.identity, k.inclusion, x.after
    from mwa.objects() o
    join mwa.known k on (k.class, k.object) = (o.class, o.object),
    lateral (select mwa.inclusion(rules, o.class, o.object) as after) x,
    lateral mwa.identify(o.class, o.object) i
    left join pg_namespace n on n.oid = i.namespace
    where x.after <> k.inclusion
$$;

-- What would be on the secondary without something that it depends on.
create or replace function mwa.would_miss(rules mwa.criteria[]) returns table (
    object text, missing text, inclusion text)
    language sql stable set search_path = pg_catalog as $$
    with inclusions as materialized (
        select o.class, o.object, mwa.inclusion(rules, o.class, o.object) as inclusion from mwa.objects() o),
    rows_of as (  -- of rows that point to others, those have to be there
        select distinct conrelid, confrelid from pg_constraint where contype = 'f' and conrelid <> confrelid),
    missed as (
        select e.class, e.object, e.other_class, e.other, n.inclusion
        from mwa.needs() e join inclusions h on (h.class, h.object) = (e.class, e.object) and h.inclusion <> 'EXCLUDE'
        join inclusions n on (n.class, n.object) = (e.other_class, e.other) and n.inclusion = 'EXCLUDE'
        union
        select h.class, f.conrelid, n.class, f.confrelid, n.inclusion
        from rows_of f join inclusions h on (h.class, h.object) = ('pg_class'::regclass, f.conrelid) and h.inclusion = 'INCLUDE'
        join inclusions n on (n.class, n.object) = ('pg_class'::regclass, f.confrelid) and n.inclusion = 'DEFINITION')
    select distinct format('%s %s', a.type, a.identity), format('%s %s', b.type, b.identity), m.inclusion
    from missed m, mwa.identify(m.class, m.object) a, mwa.identify(m.other_class, m.other) b
$$;
