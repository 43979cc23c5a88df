-- Functions, procedures and aggregates, and what is made of functions: languages, transforms, casts, conversions,
-- access methods.

-- The name of a function where no arguments tell it from others; null for none.
create or replace function mwa.function_name(function oid) returns text
    language sql stable set search_path = pg_catalog as $$
    select format('%I.%I', n.nspname, p.proname) from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.oid = function
$$;

-- The same for an operator, as a clause of CREATE OPERATOR or CREATE AGGREGATE takes it.
create or replace function mwa.operator_name(operator oid) returns text
    language sql stable set search_path = pg_catalog as $$
    select format('operator(%I.%s)', n.nspname, o.oprname)
    from pg_operator o join pg_namespace n on n.oid = o.oprnamespace where o.oid = operator
$$;

create or replace function mwa.function_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as materialized (
        select p.*, p.oid::regprocedure::text as name, pg_get_functiondef(p.oid) as definition,
               case p.prokind when 'p' then 'procedure' else 'function' end as kind
        from pg_proc p
        -- The constructors of a range come and go with its type.
        where p.oid = object and not exists (
            select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = object and d.deptype = 'i'))
    select 0, '', null, md5(row(
               prolang, procost, prorows, prosupport::oid, prokind, prosecdef, proleakproof, proisstrict, proretset, provolatile,
               proparallel, proargmodes, proargnames, proargdefaults, protrftypes, prosrc, probin, prosqlbody, proconfig)::text),
           definition, mwa.plain(definition), format('drop %s if exists %%1$s', kind)
    from this
    union all
    select 900, 'depends on extension ' || e.oid, null, '', format('alter %s %s depends on extension %I', kind, name, e.extname), null,
           format('alter %s %%1$s no depends on extension %s', kind, mwa.plain(quote_ident(e.extname)))
    from this
    join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = object and d.refclassid = 'pg_extension'::regclass and d.deptype = 'x'
    join pg_extension e on e.oid = d.refobjid
    union all
    select f.* from this, mwa.common_facets('pg_proc'::regclass, object, kind, name, proowner, proacl, 'f') f;
end $$;

create or replace function mwa.aggregate_definition(object oid) returns text
    language sql stable set search_path = pg_catalog as $$
    select format('create or replace aggregate %s(%s) (%s)', mwa.function_name(p.oid),
        coalesce(nullif(pg_get_function_arguments(p.oid), ''), '*'), concat_ws(', ',
        'sfunc = ' || mwa.function_name(aggtransfn),
        'stype = ' || format_type(aggtranstype, null),
        'sspace = ' || nullif(aggtransspace, 0),
        'finalfunc = ' || mwa.function_name(aggfinalfn),
        case when aggfinalextra then 'finalfunc_extra' end,
        'finalfunc_modify = ' || mwa.aggregate_modifies(aggfinalmodify),
        'combinefunc = ' || mwa.function_name(aggcombinefn),
        'serialfunc = ' || mwa.function_name(aggserialfn),
        'deserialfunc = ' || mwa.function_name(aggdeserialfn),
        'initcond = ' || quote_literal(agginitval),
        'msfunc = ' || mwa.function_name(aggmtransfn),
        'minvfunc = ' || mwa.function_name(aggminvtransfn),
        'mstype = ' || format_type(nullif(aggmtranstype, 0), null),
        'msspace = ' || nullif(aggmtransspace, 0),
        'mfinalfunc = ' || mwa.function_name(aggmfinalfn),
        case when aggmfinalextra then 'mfinalfunc_extra' end,
        case when aggmtransfn <> 0 then 'mfinalfunc_modify = ' || mwa.aggregate_modifies(aggmfinalmodify) end,
        'minitcond = ' || quote_literal(aggminitval),
        'sortop = ' || mwa.operator_name(aggsortop),
        'parallel = ' || case proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end,
        case when aggkind = 'h' then 'hypothetical' end))
    from pg_proc p join pg_aggregate a on a.aggfnoid = p.oid where p.oid = object
$$;

create or replace function mwa.aggregate_modifies(modify "char") returns text
    language sql immutable parallel safe set search_path = pg_catalog as $$
    select case modify when 's' then 'shareable' when 'w' then 'read_write' else 'read_only' end
$$;

create or replace function mwa.aggregate_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as materialized (
        select p.*, a.*, p.oid::regprocedure::text as name, mwa.aggregate_definition(p.oid) as definition
        from pg_proc p join pg_aggregate a on a.aggfnoid = p.oid where p.oid = object)
    select 0, '', null, md5(row(
               proargmodes, proargnames, proparallel, aggtransfn::oid, aggtranstype, aggtransspace, aggfinalfn::oid, aggfinalextra,
               aggfinalmodify, aggcombinefn::oid, aggserialfn::oid, aggdeserialfn::oid, agginitval, aggmtransfn::oid, aggminvtransfn::oid,
               aggmtranstype, aggmtransspace, aggmfinalfn::oid, aggmfinalextra, aggmfinalmodify, aggminitval, aggsortop)::text),
           definition, mwa.plain(definition), 'drop routine if exists %1$s'
    from this
    union all
    -- To DROP AGGREGATE and its like one without arguments has to be name(*), which nothing in the catalog calls it.
    select f.* from this, mwa.common_facets('pg_proc'::regclass, object, 'routine', name, proowner, proacl, 'f') f;
end $$;

create or replace function mwa.language_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select l.*, quote_ident(l.lanname) as name,
               concat_ws(' ', 'create or replace', case when l.lanpltrusted then 'trusted' end, 'language', quote_ident(l.lanname),
                         'handler ' || mwa.function_name(l.lanplcallfoid), 'inline ' || mwa.function_name(l.laninline),
                         'validator ' || mwa.function_name(l.lanvalidator)) as definition
        from pg_language l where l.oid = object)
    select 0, '', null, format('%s %s %s %s', lanpltrusted, lanplcallfoid, laninline, lanvalidator),
           definition, mwa.plain(definition), 'drop language if exists %1$s'
    from this
    union all
    select f.* from this, mwa.common_facets('pg_language'::regclass, object, 'language', name, lanowner, lanacl, 'l') f;
end $$;

create or replace function mwa.transform_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select t.*, format('for %s language %I', format_type(t.trftype, null), l.lanname) as name,
               concat_ws(', ', 'from sql with function ' || nullif(t.trffromsql, 0)::regprocedure,
                         'to sql with function ' || nullif(t.trftosql, 0)::regprocedure) as functions
        from pg_transform t join pg_language l on l.oid = t.trflang where t.oid = object)
    select 0, '', null, format('%s %s', trffromsql::oid, trftosql::oid), format('create or replace transform %s (%s)', name, functions),
           mwa.plain(format('create or replace transform %s (%s)', name, functions)), 'drop transform if exists %1$s'
    from this
    union all
    select f.* from this, mwa.common_facets('pg_transform'::regclass, object, 'transform', name, null, null, null) f;
end $$;

create or replace function mwa.cast_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select c.*, format('(%s as %s)', format_type(c.castsource, null), format_type(c.casttarget, null)) as name
        from pg_cast c where c.oid = object)
    select 0, '', null, 'cast',
           format('create cast %s %s%s', name,
               case castmethod when 'f' then 'with function ' || castfunc::regprocedure when 'i' then 'with inout'
                   else 'without function' end,
               case castcontext when 'a' then ' as assignment' when 'i' then ' as implicit' end),
           null, 'drop cast if exists %1$s'
    from this
    union all
    select f.* from this, mwa.common_facets('pg_cast'::regclass, object, 'cast', name, null, null, null) f;
end $$;

create or replace function mwa.conversion_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select c.*, format('%I.%I', n.nspname, c.conname) as name
        from pg_conversion c join pg_namespace n on n.oid = c.connamespace where c.oid = object)
    select 0, '', null, 'conversion',
           format('create %sconversion %s for %L to %L from %s', case when condefault then 'default ' end, name,
                  pg_encoding_to_char(conforencoding), pg_encoding_to_char(contoencoding), mwa.function_name(conproc)),
           null, 'drop conversion if exists %1$s'
    from this
    union all
    select f.* from this, mwa.common_facets('pg_conversion'::regclass, object, 'conversion', name, conowner, null, null) f;
end $$;

create or replace function mwa.access_method_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (select a.*, quote_ident(a.amname) as name from pg_am a where a.oid = object)
    select 0, '', null, 'access method',
           format('create access method %s type %s handler %s', name, case amtype when 't' then 'table' else 'index' end,
                  mwa.function_name(amhandler)),
           null, 'drop access method if exists %1$s'
    from this
    union all
    select f.* from this, mwa.common_facets('pg_am'::regclass, object, 'access method', name, null, null, null) f;
end $$;
