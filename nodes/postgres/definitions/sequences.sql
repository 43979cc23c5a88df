-- Sequences: of their own, owned by a column, and those of identity columns. What they stand at is carried
-- elsewhere.

-- What ALTER SEQUENCE changes, each by itself. The copy may stand outside of a new range until it hears where the
-- source stands: it is moved along.
create or replace function mwa.sequence_option_facets(sequence oid, name text, prefix text, parent text, place int)
    returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
declare
    position bigint;
    called boolean;
begin
    execute format('select last_value, is_called from %s', name) into position, called;
    return query
    with s as (select * from pg_sequence where seqrelid = sequence)
    select place, prefix || 'range', parent, format('%s %s %s %s', seqtypid, seqstart, seqmin, seqmax), null,
           mwa.plain(format('alter sequence %s as %s start with %s minvalue %s maxvalue %s restart with %s; select setval(%L, %s, %L)',
                            name, format_type(seqtypid, null), seqstart, seqmin, seqmax, position, name, position, called)), null
    from s
    union all
    select place, prefix || 'increment', parent, seqincrement::text, null,
           mwa.plain(format('alter sequence %s increment by %s', name, seqincrement)), null
    from s
    union all
    select place, prefix || 'cache', parent, seqcache::text, null, mwa.plain(format('alter sequence %s cache %s', name, seqcache)), null
    from s
    union all
    select place, prefix || 'cycle', parent, seqcycle::text, null,
           mwa.plain(format('alter sequence %s %s', name, case when seqcycle then 'cycle' else 'no cycle' end)), null
    from s;
end $$;

create or replace function mwa.sequence_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select c.*, format('%I.%I', n.nspname, c.relname) as name, format_type(s.seqtypid, null) as type,
               exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'a') as owned
        from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_sequence s on s.seqrelid = c.oid where c.oid = object)
    select 0, '', null, 'S',
           format('create %ssequence %s as %s %s', case relpersistence when 'u' then 'unlogged ' end, name, type,
                  mwa.sequence_options(object)), null, 'drop sequence if exists %1$s'
    from this
    union all
    select f.* from this, mwa.sequence_option_facets(object, name, '', '', 10) f
    union all
    select 20, 'persistence', '', relpersistence::text, null,
           mwa.plain(format('alter sequence %s set %s', name, case relpersistence when 'u' then 'unlogged' else 'logged' end)), null
    from this
    union all
    -- One that a column owns gets its owner with the table's.
    select f.* from this, mwa.common_facets('pg_class'::regclass, object, 'sequence', name, this.relowner, this.relacl, 's') f
    where not (owned and f.key = 'owner');
end $$;

-- Which sequences the columns of a table own, facets of the table: it comes after its sequences. Owned by a column
-- only while both have the same owner, so that comes first; and let go of only after a dropped column has taken
-- its sequence along.
create or replace function mwa.owned_sequence_facets(relation oid, name text) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with owned as (
        select s.oid as sequence, a.attnum, s.oid::regclass::text as called,
               format('alter sequence %s owner to %s; alter sequence %s owned by %s.%I',
                      s.oid::regclass, t.relowner::regrole, s.oid::regclass, name, a.attname) as make
        from pg_depend d
        join pg_class s on s.oid = d.objid and s.relkind = 'S'
        join pg_class t on t.oid = d.refobjid
        join pg_attribute a on (a.attrelid, a.attnum) = (d.refobjid, d.refobjsubid)
        where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = relation and d.deptype = 'a')
    select 805, 'owned sequence ' || sequence, null, attnum::text, make, mwa.plain(make), null from owned
    union all
    select 50, 'release of sequence ' || sequence, null, 'owned', null, null,
           mwa.plain(format('alter sequence if exists %s owned by none', called))
    from owned;
end $$;

create or replace function mwa.owned_sequences(relation oid, how "char") returns setof oid
    language sql stable set search_path = pg_catalog as $$
    select s.oid from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = relation and d.deptype = how
$$;

-- A relation with what has to be looked at along with it, in order: a new sequence is made before the table whose
-- column owns it; others change along with their table; a sequence is let go of before another table takes it.
create or replace function mwa.around_sequences(relation oid) returns setof oid
    language sql stable set search_path = pg_catalog as $$
    with owners as (
        select d.refobjid as oid, 2 as place from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = relation and d.refclassid = 'pg_class'::regclass and d.deptype = 'a'
          and exists (select from pg_sequence where seqrelid = relation)
        union all
        select k.object, 1 from mwa.known k
        where k.class = 'pg_class'::regclass and relation = any(k.indexes) and exists (select from pg_sequence where seqrelid = relation)),
    owned as (
        select s as oid, exists (select from mwa.known k where (k.class, k.object) = ('pg_class'::regclass, s)) as known
        from (select relation union select oid from owners) t (oid), mwa.owned_sequences(t.oid, 'a') s),
    every as (
        select oid, -1 as place from owned where not known
        union all select relation, 0
        union all select oid, 1 from owned where known
        union all select oid, place + 1 from owners)
    select oid from every group by oid order by min(place)
$$;

-- The sequence of an identity column, facets of its table.
create or replace function mwa.identity_facets(c pg_attribute) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select s.*, format('%I.%I', n.nspname, s.relname) as name, format('column %s identity', c.attnum) as identity
        from pg_depend d
        join pg_class s on s.oid = d.objid and s.relkind = 'S'
        join pg_namespace n on n.oid = s.relnamespace
        where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
          and (d.refobjid, d.refobjsubid) = (c.attrelid, c.attnum) and d.deptype = 'i')
    select 210 + c.attnum, identity || ' name', identity, relname::text, null,
           format('alter sequence %s.%%2$I rename to %s', mwa.plain(relnamespace::regnamespace::text), mwa.plain(quote_ident(relname))), null
    from this
    union all
    select f.* from this, mwa.sequence_option_facets(this.oid, name, identity || ' ', identity, 211 + c.attnum) f
    union all
    select f.rank, identity || ' ' || f.key, null, f.value, f.make, f.change,
           case when f.key like 'grant %' then f.unmake else replace(f.unmake, '%1$s', mwa.plain(name)) end
    from this, mwa.common_facets('pg_class'::regclass, this.oid, 'sequence', name, this.relowner, this.relacl, 's') f
    where f.key <> 'owner';
end $$;
