-- Enums, composite types, domains, ranges, base types; and shells, which functions name before the type is made.

create or replace function mwa.type_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select t.*, format('%I.%I', n.nspname, t.typname) as name,
               case when not t.typisdefined then 'shell' else t.typtype::text end as sort
        from pg_type t join pg_namespace n on n.oid = t.typnamespace
        where t.oid = object and (
            not t.typisdefined or t.typtype in ('e', 'd', 'r') or mwa.is_base_type(t)
            or t.typtype = 'c' and exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))),
    written as (
        select this.*, format('create type %s', name) || case sort
            when 'e' then format(' as enum (%s)', (
                select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum where enumtypid = object))
            when 'c' then format(' as (%s)', (
                select string_agg(mwa.attribute_definition(a), ', ' order by a.attnum) from pg_attribute a
                where a.attrelid = typrelid and a.attnum > 0 and not a.attisdropped))
            when 'r' then format(' as range (%s)', mwa.range_options(object))
            when 'b' then format(' (%s)', mwa.base_type_options(object))
            else '' end as make
        from this where sort <> 'd'
        union all
        select this.*, format('create domain %s as %s%s', name, format_type(typbasetype, typtypmod),
                              mwa.own_collation(typcollation, typbasetype))
        from this where sort = 'd')
    -- A shell is filled in by making the type.
    select 0, '', null, sort, make, mwa.plain(make), 'drop type if exists %1$s' from written
    union all
    select f.* from this, mwa.label_facets(object, name) f where sort = 'e'
    union all
    select f.* from this, mwa.attribute_facets(typrelid, name) f where sort = 'c'
    union all
    select f.* from this, mwa.domain_facets(object, name) f where sort = 'd'
    union all
    select f.* from this, mwa.multirange_facets(object) f where sort = 'r'
    union all
    select 300, property, '', value, null, mwa.plain(format('alter type %s set (%s = %s)', name, property, value)), null
    from this, mwa.base_type_properties(object) where sort = 'b'
    union all
    select f.* from this, mwa.common_facets('pg_type'::regclass, object, 'type', name, this.typowner, this.typacl, 'T') f;
end $$;

-- The COLLATE clause of something whose collation is not its type's own.
create or replace function mwa.own_collation(collation_oid oid, of_type oid) returns text
    language sql stable set search_path = pg_catalog as $$
    select coalesce((
        select format(' collate %I.%I', n.nspname, l.collname)
        from pg_collation l join pg_namespace n on n.oid = l.collnamespace join pg_type t on t.oid = of_type
        where l.oid = collation_oid and collation_oid <> t.typcollation), '')
$$;

-- Each value of an enum is made after the one before it, in order.
create or replace function mwa.label_facets(object oid, name text) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with labels as (
        select oid, enumlabel, row_number() over w as place, lag(enumlabel) over w as previous, lead(enumlabel) over w as following
        from pg_enum where enumtypid = object window w as (order by enumsortorder))
    select place::int, 'label ' || oid, '', enumlabel::text,
           format('alter type %s add value %L%s', name, enumlabel,
                  coalesce(' after ' || quote_literal(previous), ' before ' || quote_literal(following))),
           'alter type %1$s rename value %2$L to ' || mwa.plain(quote_literal(enumlabel)), null
    from labels;
end $$;

create or replace function mwa.attribute_definition(a pg_attribute) returns text
    language sql stable set search_path = pg_catalog as $$
    select format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod), mwa.own_collation(a.attcollation, a.atttypid))
$$;

-- CASCADE: to tables of the type. Where there are any, the application has said so as well.
create or replace function mwa.attribute_facets(relation oid, name text) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with attributes as (
        select a, a.attnum as n, quote_ident(a.attname) as called from pg_attribute a
        where a.attrelid = relation and a.attnum > 0 and not a.attisdropped)
    select 100 + n, 'attribute ' || n, '', (a).attname::text,
           format('alter type %s add attribute %s cascade', name, mwa.attribute_definition(a)),
           format('alter type %%1$s rename attribute %%2$I to %s cascade', mwa.plain(called)),
           format('alter type %%1$s drop attribute if exists %s cascade', mwa.plain(called))
    from attributes
    union all
    select 100 + n, 'attribute ' || n || ' type', 'attribute ' || n, format('%s %s %s', (a).atttypid, (a).atttypmod, (a).attcollation),
           null, mwa.plain(format('alter type %s alter attribute %s type %s%s cascade', name, called,
                                  format_type((a).atttypid, (a).atttypmod), mwa.own_collation((a).attcollation, (a).atttypid))), null
    from attributes
    union all
    select 810 + n, 'attribute ' || n || ' comment', null, said, word, mwa.plain(word),
           mwa.plain(format('comment on column %s.%s is null', name, called))
    from attributes, lateral col_description(relation, n) said,
         lateral (select format('comment on column %s.%s is %L', name, called, said) as word) w
    where said is not null;
end $$;

create or replace function mwa.domain_facets(object oid, name text) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with constraints as (select * from pg_constraint where contypid = object and contype = 'c')
    select 200, 'default', null, md5(t.typdefaultbin::text), word, mwa.plain(word), 'alter domain %1$s drop default'
    from pg_type t, lateral (select format('alter domain %s set default %s', name, pg_get_expr(t.typdefaultbin, 0)) as word) w
    where t.oid = object and t.typdefaultbin is not null
    union all
    select 220, 'not null', null, 'not null', format('alter domain %s set not null', name), null, 'alter domain %1$s drop not null'
    from pg_type where oid = object and typnotnull
    union all
    select 610, 'constraint ' || oid, null, conname::text,
           format('alter domain %s add constraint %I %s', name, conname, pg_get_constraintdef(oid)),
           format('alter domain %%1$s rename constraint %%2$I to %s', mwa.plain(quote_ident(conname))),
           format('alter domain %%1$s drop constraint if exists %s', mwa.plain(quote_ident(conname)))
    from constraints
    union all
    select 611, 'constraint ' || oid || ' valid', 'constraint ' || oid, 'valid',
           format('alter domain %s validate constraint %I', name, conname), null, null
    from constraints where convalidated
    union all
    select 811, 'constraint ' || oid || ' comment', null, said, word, mwa.plain(word),
           mwa.plain(format('comment on constraint %I on domain %s is null', conname, name))
    from constraints, lateral obj_description(oid, 'pg_constraint') said,
         lateral (select format('comment on constraint %I on domain %s is %L', conname, name, said) as word) w
    where said is not null;
end $$;

create or replace function mwa.range_options(object oid) returns text
    language sql stable set search_path = pg_catalog as $$
    select concat_ws(', ', 'subtype = ' || format_type(r.rngsubtype, null),
        (select format('subtype_opclass = %I.%I', n.nspname, o.opcname)
         from pg_opclass o join pg_namespace n on n.oid = o.opcnamespace where o.oid = r.rngsubopc),
        (select format('collation = %I.%I', n.nspname, l.collname)
         from pg_collation l join pg_namespace n on n.oid = l.collnamespace where l.oid = r.rngcollation),
        'canonical = ' || nullif(r.rngcanonical, 0)::regproc,
        'subtype_diff = ' || nullif(r.rngsubdiff, 0)::regproc,
        (select format('multirange_type_name = %I.%I', n.nspname, m.typname)
         from pg_type m join pg_namespace n on n.oid = m.typnamespace where m.oid = r.rngmultitypid))
    from pg_range r where r.rngtypid = object
$$;

-- Not the array type that PostgreSQL makes for another one.
create or replace function mwa.is_base_type(type pg_type) returns boolean
    language sql stable set search_path = pg_catalog as $$
    select type.typtype = 'b' and type.typisdefined
       and not (type.typelem <> 0 and type.typsubscript = 'array_subscript_handler'::regproc)
$$;

-- What ALTER TYPE ... SET can change of a base type.
create or replace function mwa.base_type_properties(object oid) returns table (property text, value text)
    language sql stable set search_path = pg_catalog as $$
    select p.property, coalesce(p.value, 'none')
    from pg_type t, lateral (values
        ('receive', nullif(t.typreceive::oid, 0)::regproc::text),
        ('send', nullif(t.typsend::oid, 0)::regproc::text),
        ('typmod_in', nullif(t.typmodin::oid, 0)::regproc::text),
        ('typmod_out', nullif(t.typmodout::oid, 0)::regproc::text),
        ('analyze', nullif(t.typanalyze::oid, 0)::regproc::text),
        ('subscript', nullif(t.typsubscript::oid, 0)::regproc::text),
        ('storage', case t.typstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end)
    ) p (property, value)
    where t.oid = object
$$;

create or replace function mwa.base_type_options(object oid) returns text
    language sql stable set search_path = pg_catalog as $$
    select concat_ws(', ', 'input = ' || t.typinput, 'output = ' || t.typoutput,
        'internallength = ' || case when t.typlen < 0 then 'variable' else t.typlen::text end,
        case when t.typbyval then 'passedbyvalue' end,
        'alignment = ' || case t.typalign when 'c' then 'char' when 's' then 'int2' when 'd' then 'double' else 'int4' end,
        format('category = %L', t.typcategory), 'preferred = ' || t.typispreferred, format('delimiter = %L', t.typdelim),
        case when t.typdefault is not null then format('default = %L', t.typdefault) end,
        case when t.typelem <> 0 then 'element = ' || format_type(t.typelem, null) end,
        case when t.typcollation <> 0 then 'collatable = true' end,
        (select string_agg(format('%s = %s', property, value), ', ') from mwa.base_type_properties(object) where value <> 'none'))
    from pg_type t where t.oid = object
$$;

-- A range's multirange has a name, a schema and a comment of its own, whatever becomes of the range.
create or replace function mwa.multirange_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select m.*, n.nspname, format('%I.%I', n.nspname, m.typname) as name
        from pg_range r join pg_type m on m.oid = r.rngmultitypid join pg_namespace n on n.oid = m.typnamespace
        where r.rngtypid = object)
    select 10, 'multirange', '', typname::text, null,
           format('alter type %s.%%2$I rename to %s', mwa.plain(quote_ident(nspname)), mwa.plain(quote_ident(typname))), null
    from this
    union all
    select 11, 'multirange schema', '', nspname::text, null,
           format('alter type %%2$I.%s set schema %s', mwa.plain(quote_ident(typname)), mwa.plain(quote_ident(nspname))), null
    from this
    union all
    select 810, 'multirange comment', null, said, word, mwa.plain(word), mwa.plain(format('comment on type %s is null', name))
    from this, lateral obj_description(oid, 'pg_type') said,
         lateral (select format('comment on type %s is %L', name, said) as word) w
    where said is not null;
end $$;
