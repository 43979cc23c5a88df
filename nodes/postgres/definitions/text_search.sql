-- Text search: parsers, templates, dictionaries, configurations.

create or replace function mwa.text_search_parser_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select p.*, format('%I.%I', n.nspname, p.prsname) as name
        from pg_ts_parser p join pg_namespace n on n.oid = p.prsnamespace where p.oid = object)
    select 0, '', null, 'parser',
           format('create text search parser %s (%s)', name, concat_ws(', ',
               'start = ' || mwa.function_name(prsstart), 'gettoken = ' || mwa.function_name(prstoken),
               'end = ' || mwa.function_name(prsend),
               'headline = ' || mwa.function_name(prsheadline), 'lextypes = ' || mwa.function_name(prslextype))),
           null, 'drop text search parser if exists %1$s'
    from this
    union all
    select f.* from this, mwa.common_facets('pg_ts_parser'::regclass, object, 'text search parser', name, null, null, null) f;
end $$;

create or replace function mwa.text_search_template_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select t.*, format('%I.%I', n.nspname, t.tmplname) as name
        from pg_ts_template t join pg_namespace n on n.oid = t.tmplnamespace where t.oid = object)
    select 0, '', null, 'template',
           format('create text search template %s (%s)', name, concat_ws(', ',
               'init = ' || mwa.function_name(tmplinit), 'lexize = ' || mwa.function_name(tmpllexize))),
           null, 'drop text search template if exists %1$s'
    from this
    union all
    select f.* from this, mwa.common_facets('pg_ts_template'::regclass, object, 'text search template', name, null, null, null) f;
end $$;

-- A dictionary's options become these, all at once: some are refused without others.
create or replace function mwa.give_options(dictionary regdictionary, options text) returns void
    language plpgsql set search_path = pg_catalog as $$
declare
    given text := concat_ws(', ',
        (select string_agg(o[1], ', ') from pg_ts_dict d,
            -- "name" = 'value', name = E'value' or name = 12
            regexp_matches(d.dictinitoption, '("(?:[^"]|"")*"|[^\s",=]+) = (?:E?''(?:[^'']|'''')*''|[^'',]+)', 'g') o
         where d.oid = dictionary),
        nullif(options, ''));
begin
    if given <> '' then
        execute format('alter text search dictionary %s (%s)', dictionary, given);
    end if;
end $$;

create or replace function mwa.text_search_dictionary_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select d.*, format('%I.%I', n.nspname, d.dictname) as name
        from pg_ts_dict d join pg_namespace n on n.oid = d.dictnamespace where d.oid = object)
    select 0, '', null, 'dictionary',
           format('create text search dictionary %s (%s)', name, concat_ws(', ',
               'template = ' || (select format('%I.%I', n.nspname, t.tmplname) from pg_ts_template t
                                 join pg_namespace n on n.oid = t.tmplnamespace where t.oid = dicttemplate),
               dictinitoption)),
           null, 'drop text search dictionary if exists %1$s'
    from this
    union all
    select 10, 'options', '', coalesce(dictinitoption, ''), null,
           mwa.plain(format('select mwa.give_options(%L, %L)', name, coalesce(dictinitoption, ''))), null
    from this
    union all
    select f.* from this, mwa.common_facets('pg_ts_dict'::regclass, object, 'text search dictionary', name, dictowner, null, null) f;
end $$;

create or replace function mwa.text_search_configuration_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select c.*, format('%I.%I', n.nspname, c.cfgname) as name
        from pg_ts_config c join pg_namespace n on n.oid = c.cfgnamespace where c.oid = object)
    select 0, '', null, 'configuration',
           format('create text search configuration %s (parser = %s)', name, (
               select format('%I.%I', n.nspname, p.prsname) from pg_ts_parser p
               join pg_namespace n on n.oid = p.prsnamespace where p.oid = cfgparser)),
           null, 'drop text search configuration if exists %1$s'
    from this
    union all
    select 100, 'mapping ' || m.maptokentype, null, m.dictionaries::text,
           format('alter text search configuration %s add mapping for %I with %s', name, t.alias, names),
           mwa.plain(format('alter text search configuration %s alter mapping for %I with %s', name, t.alias, names)),
           format('alter text search configuration %%1$s drop mapping if exists for %s', mwa.plain(quote_ident(t.alias)))
    from this, ts_token_type(cfgparser) t
    join (
        select maptokentype, array_agg(mapdict::oid order by mapseqno) as dictionaries,
               string_agg(format('%I.%I', n.nspname, d.dictname), ', ' order by mapseqno) as names
        from pg_ts_config_map join pg_ts_dict d on d.oid = mapdict join pg_namespace n on n.oid = d.dictnamespace
        where mapcfg = object group by 1) m on m.maptokentype = t.tokid
    union all
    select f.* from this, mwa.common_facets('pg_ts_config'::regclass, object, 'text search configuration', name, cfgowner, null, null) f;
end $$;
