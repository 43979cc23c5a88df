-- Definitions as facets. An object (a table, a function ...) is described by its facets: its columns, its owner,
-- a comment. Each has a key that stays while the object lives, a value that tells whether it has changed, and
-- the statements that make it, change it and take it away. What the object was like before is kept in mwa.known;
-- a change is the difference of two descriptions. So no statement of the application's is ever parsed.
do $$ begin
    if to_regtype('mwa.facet') is null then
        create type mwa.facet as (
            rank int,     -- the order of making; taking away goes the other way round
            key text,     -- '' is the object itself
            parent text,  -- the facet whose `make` has this one in it already; null where none has
            value text,   -- compared only; independent of names, which other objects may change
            make text,    -- null: it comes with something else (a partition's column with its parent's)
            change text,  -- a format: %1$s is the object, %2$s the value before; null: taken away and made anew
            unmake text   -- a format: %1$s is the object
        );
    end if;
    if to_regtype('mwa.place') is null then
        create type mwa.place as (class oid, object oid);  -- where an object is in the catalog
    end if;
end $$;

create table if not exists mwa.known (
    class oid not null,
    object oid not null,
    namespace oid,
    name text not null,
    privileges text,  -- as in the catalog: which object a GRANT was for is not told
    indexes oid[],  -- and the sequences that its columns own: when dropped, they do not tell whose they were
    parent oid,  -- what it is a partition of; the command that attaches or detaches it names only that
    facets mwa.facet[] not null,
    primary key (class, object)
);

-- A literal per cent sign in what becomes a format.
create or replace function mwa.plain(statement text) returns text
    language sql immutable parallel safe as $$ select replace(statement, '%', '%%') $$;

-- The word that ALTER, DROP and COMMENT ON take for an object.
create or replace function mwa.kind(type text) returns text
    language sql immutable parallel safe set search_path = pg_catalog as $$
    select case type when 'statistics object' then 'statistics' when 'composite type' then 'type'
        when 'foreign-data wrapper' then 'foreign data wrapper'
        when 'aggregate' then 'routine'  -- DROP AGGREGATE and the like want (*) where there are no arguments
        else type end
$$;

-- The statements that turn one description into another, in order.
create or replace function mwa.difference(before mwa.facet[], now mwa.facet[], identity text) returns text[]
    language plpgsql stable set search_path = pg_catalog as $$
declare
    found text[];
begin
    if before is not distinct from now then
        return '{}';
    end if;
    with o as materialized (select * from unnest(before)), n as materialized (select * from unnest(now)),
    changed as (
        select n.*, o.value as was, o.key is null as missing from n left join o on o.key = n.key
        where o.key is null or o.value is distinct from n.value),
    gone as (select o.* from o where not exists (select from n where n.key = o.key)),
    -- Anew, as it cannot be changed in place, or a part of it cannot.
    again as (
        select c.key from changed c where not c.missing and c.change is null and c.make is not null
        union select c.parent from changed c where c.change is null and c.make is null and c.parent is not null
        union select g.parent from gone g where g.unmake is null and g.parent is not null),
    made_first as (select key from changed where missing union select key from again),
    made_second as (select key from made_first union select n.key from n join made_first m on m.key = n.parent),
    -- What hangs on something by its name (a comment, whether a trigger is on) is lost when that is made anew.
    made as (select key from made_second union select n.key from n join made_second m on m.key = n.parent
             union select n.key from n join made_second m on m.key <> '' and starts_with(n.key, m.key || ' ')
             union select n.key from n where exists (select from again where key = '')),
    taken as (select key from gone union select o.key from o join made on made.key = o.key),
    statements as (
        select 1 as part, -rank as place, key, format(unmake, identity) as statement from o
        where key in (select key from taken) and unmake is not null
          and (parent is null or parent not in (select key from taken))
          and (key = '' or not exists (select from taken where key = ''))
        union all
        select 2, rank, key, make from n
        where key in (select key from made) and make is not null
          and (parent is null or parent not in (select key from made))
        union all
        select 2, rank, key, format(change, identity, was) from changed
        where not missing and change is not null and key not in (select key from made))
    select array(select statement from statements order by part, place, key) into found;
    return found;
end $$;

-- PostgreSQL makes a constraint or an index anew when a column's type changes, with a number of its own, here and on
-- the other node: the old description with the new numbers of what is else the same.
create or replace function mwa.renumbered(before mwa.facet[], now mwa.facet[]) returns mwa.facet[]
    language sql immutable set search_path = pg_catalog as $$
    with o as (select * from unnest(before) with ordinality o (rank, key, parent, value, make, change, unmake, place)),
    n as (select * from unnest(now)),
    moved as (
        select o.key as old, n.key as new
        from o join n on split_part(o.key, ' ', 1) = split_part(n.key, ' ', 1) and o.value = n.value and o.make is not distinct from n.make
        where o.key ~ '^(constraint|index) [0-9]+$' and n.key ~ '^(constraint|index) [0-9]+$'
          and not exists (select from n x where x.key = o.key) and not exists (select from o x where x.key = n.key))
    select case when exists (select from moved) then array(
        select row(o.rank, coalesce(m.new || substr(o.key, length(m.old) + 1), o.key), coalesce(p.new || substr(o.parent, length(p.old) + 1), o.parent),
                   o.value, o.make, o.change, o.unmake)::mwa.facet
        from o left join moved m on o.key = m.old or starts_with(o.key, m.old || ' ')
        left join moved p on o.parent = p.old or starts_with(o.parent, p.old || ' ')
        order by o.place) else before end
$$;

-- What an object is called; null where it is gone. `name` as ALTER ... RENAME knows it.
create or replace function mwa.identify(
    class oid, object oid, out type text, out namespace oid, out name text, out identity text
) language plpgsql stable set search_path = pg_catalog as $$
declare
    schema_name text;
begin
    select i.type, i.schema, i.identity into type, schema_name, identity from pg_identify_object(class, object, 0) i;
    if identity is null then
        return;
    end if;
    namespace := to_regnamespace(schema_name);
    if class in ('pg_user_mapping'::regclass, 'pg_default_acl'::regclass) then
        name := '';  -- called after other objects
    elsif class = 'pg_type'::regclass then
        select typname into name from pg_type where oid = object;
    elsif class = 'pg_cast'::regclass then
        name := '';  -- that of a type, which is renamed by itself
    elsif class = 'pg_transform'::regclass then
        name := '';
        select format('for %s language %I', a.object_names[1], a.object_args[1]) into identity  -- some versions put in an "on"
        from pg_identify_object_as_address(class, object, 0) a;
    else
        select a.object_names[array_upper(a.object_names, 1)] into name
        from pg_identify_object_as_address(class, object, 0) a;
    end if;
end $$;

-- The statements that give an object its name and schema of now, where it had others.
create or replace function mwa.renamed(
    type text, identity text, old_namespace oid, old_name text, namespace oid, name text
) returns text[]
    language plpgsql stable set search_path = pg_catalog as $$
declare
    old_schema text := (select nspname from pg_namespace where oid = old_namespace);
    schema_name text := (select nspname from pg_namespace n where n.oid = renamed.namespace);
    rest text := substr(identity, length(concat(quote_ident(schema_name) || '.', quote_ident(name))) + 1);
    statements text[] := '{}';
begin
    if type = 'operator' then  -- which is never renamed, and never in quotes
        if old_namespace <> namespace then
            statements := statements || format(
                'alter operator %I.%s set schema %I', old_schema, substr(identity, length(quote_ident(schema_name)) + 2), schema_name);
        end if;
        return statements;
    end if;
    if old_name <> name then
        statements := statements || format(
            'alter %s %s%s rename to %I', mwa.kind(type), concat(quote_ident(old_schema) || '.', quote_ident(old_name)), rest, name);
    end if;
    if old_namespace <> namespace and old_schema is not null then
        statements := statements || format(
            'alter %s %s%s set schema %I', mwa.kind(type), concat(quote_ident(old_schema) || '.', quote_ident(name)), rest, schema_name);
    end if;
    return statements;
end $$;

-- Facets that every kind of object has: its owner, its comment, what is granted on it.
create or replace function mwa.common_facets(
    class oid, object oid, kind text, identity text, owner oid, privileges aclitem[], privilege_type "char"
) returns setof mwa.facet
    language sql stable set search_path = pg_catalog as $$
    select 800, 'owner', null, owner::text,
           format('alter %s %s owner to %s', kind, identity, owner::regrole),
           mwa.plain(format('alter %s %s owner to %s', kind, identity, owner::regrole)), null
    where owner is not null
    union all
    select 810, 'comment', null, d, format('comment on %s %s is %L', kind, identity, d),
           mwa.plain(format('comment on %s %s is %L', kind, identity, d)), format('comment on %s %%1$s is null', kind)
    from obj_description(object, class::regclass::text) d where d is not null
    union all
    select 820, 'label ' || provider, null, label,
           format('security label for %I on %s %s is %L', provider, kind, identity, label),
           mwa.plain(format('security label for %I on %s %s is %L', provider, kind, identity, label)),
           mwa.plain(format('security label for %I on %s ', provider, kind)) || '%1$s is null'
    from pg_seclabel s where s.objoid = object and s.classoid = class and s.objsubid = 0
    union all
    select f.*
    from mwa.grant_facets(
        privileges, acldefault(privilege_type, owner), owner, format('%s %s', mwa.granted_on(kind), identity), 830) f
$$;

-- GRANT has fewer words for kinds of objects than ALTER has.
create or replace function mwa.granted_on(kind text) returns text
    language sql immutable parallel safe set search_path = pg_catalog as $$
    select case kind when 'view' then 'table' when 'materialized view' then 'table' when 'foreign table' then 'table'
        when 'procedure' then 'routine' when 'function' then 'routine' when 'aggregate' then 'routine'
        when 'server' then 'foreign server' when 'domain' then 'type' else kind end
$$;
