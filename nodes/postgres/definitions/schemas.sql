-- Schemas, extensions, collations, statistics objects, publications.

create or replace function mwa.schema_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    -- The schema public that a database begins with is there on both nodes.
    select 0, '', null::text, '', case when n.oid >= 16384 then format('create schema %I', n.nspname) end, null::text,
           case when n.oid >= 16384 then 'drop schema if exists %1$s' end
    from pg_namespace n where n.oid = object
    union all
    select f.* from pg_namespace n, mwa.common_facets(
        'pg_namespace'::regclass, object, 'schema', quote_ident(n.nspname), n.nspowner, n.nspacl, 'n') f
    where n.oid = object;
end $$;

create or replace function mwa.extension_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select e.*, quote_ident(e.extname) as name, quote_ident(n.nspname) as schema_name
        from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.oid = object)
    select 0, '', null::text, '',
           format('select mwa.create_extension(%L, %L, %L)', this.extname, schema_name, this.extversion), null::text,
           'drop extension if exists %1$s'
    from this
    union all
    select 10, 'version', '', this.extversion, null, mwa.plain(format('alter extension %s update to %L', name, this.extversion)), null
    from this
    union all
    select 11, 'schema', '', this.extnamespace::text, null, mwa.plain(format('alter extension %s set schema %s', name, schema_name)), null
    from this
    union all
    -- An extension's owner cannot be named; it is who makes it.
    select f.* from this, mwa.common_facets('pg_extension'::regclass, object, 'extension', name, null, null, null) f;
end $$;

-- In the same version where this server has it; else in its own, as a restored backup would have it.
create or replace function mwa.create_extension(extension text, schema_name text, extension_version text) returns void
    language plpgsql set search_path = pg_catalog as $$
declare
    same boolean := exists (
        select from pg_available_extension_versions where name = extension and version = extension_version);
begin
    execute format('create extension if not exists %I schema %s%s cascade', extension, schema_name,
                   case when same then format(' version %L', extension_version) end);
end $$;

create or replace function mwa.collation_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select c.*, format('%I.%I', n.nspname, c.collname) as name,
               -- Its name depends on the server's version, and an older one has it where libc's are.
               coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', c.collcollate) as locale,
               to_jsonb(c) ->> 'collicurules' as rules
        from pg_collation c join pg_namespace n on n.oid = c.collnamespace where c.oid = object),
    parts as (
        select this.*, concat_ws(', ',
            'provider = ' || case collprovider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end,
            case when collprovider = 'c' then format('lc_collate = %L, lc_ctype = %L', collcollate, collctype)
                 else format('locale = %L', locale) end,
            'rules = ' || quote_literal(nullif(rules, '')),
            case when not collisdeterministic then 'deterministic = false' end) as options
        from this)
    select 0, '', null::text, options, format('create collation %s (%s)', name, options), null::text, 'drop collation if exists %1$s'
    from parts
    union all
    select f.* from this, mwa.common_facets('pg_collation'::regclass, object, 'collation', name, this.collowner, null, null) f;
end $$;

create or replace function mwa.statistics_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select s.*, format('%I.%I', n.nspname, s.stxname) as name, coalesce(s.stxstattarget, -1) as target
        from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace where s.oid = object)
    select 0, '', null::text, format('%s %s %s %s', stxrelid, stxkeys, stxkind, md5(stxexprs::text)),
           pg_get_statisticsobjdef(object), null::text, 'drop statistics if exists %1$s'
    from this
    union all
    select 10, 'target', null, target::text, word, mwa.plain(word), 'alter statistics %1$s set statistics -1'
    from this, lateral (select format('alter statistics %s set statistics %s', name, target) as word) w where target >= 0
    union all
    select f.* from this, mwa.common_facets('pg_statistic_ext'::regclass, object, 'statistics', name, this.stxowner, null, null) f;
end $$;

create or replace function mwa.publication_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
declare
    version int := current_setting('server_version_num')::int;
    p pg_publication;
    name text;
    options text[];
    option text;
begin
    select * into p from pg_publication where oid = object and pubname <> 'mwa';
    if not found then
        return;
    end if;
    name := quote_ident(p.pubname);
    options := array[
        format('publish = %L', concat_ws(', ', case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
                                         case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end)),
        'publish_via_partition_root = ' || p.pubviaroot];
    if version >= 180000 then
        options := options || ('publish_generated_columns = ' || case p.pubgencols when 's' then 'stored' else 'none' end);
    end if;
    return query
    select 0, '', null::text, p.puballtables::text,
           format('create publication %s%s with (%s)', name, case when p.puballtables then ' for all tables' end, array_to_string(array(
               select o from unnest(options) o where o <> 'publish_generated_columns = none'), ', ')),  -- older servers do not know it
           null::text, 'drop publication if exists %1$s';
    foreach option in array options loop
        return query
        select 10, 'option ' || split_part(option, ' ', 1), '', option, null::text,
               mwa.plain(format('alter publication %s set (%s)', name, option)), null::text;
    end loop;
    if version >= 150000 then
        return query
        select 850, 'table ' || r.prrelid, null::text, format('%s %s', r.prattrs, md5(r.prqual::text)),
               format('alter publication %s add table only %I.%I%s%s', name, n.nspname, c.relname,
                      (select ' (' || string_agg(quote_ident(a.attname), ', ' order by a.attnum) || ')'
                       from pg_attribute a where a.attrelid = r.prrelid and a.attnum = any(r.prattrs)),
                      ' where (' || pg_get_expr(r.prqual, r.prrelid) || ')'), null::text,
               mwa.plain(format('select mwa.publish_no_more(%L, %L, %L)', p.pubname, n.nspname, c.relname))
        from pg_publication_rel r join pg_class c on c.oid = r.prrelid join pg_namespace n on n.oid = c.relnamespace
        where r.prpubid = object;
        return query
        select 851, 'schema ' || n.oid, null::text, '', format('alter publication %s add tables in schema %I', name, n.nspname), null::text,
               mwa.plain(format('select mwa.publish_no_more(%L, %L)', p.pubname, n.nspname))
        from pg_publication_namespace s join pg_namespace n on n.oid = s.pnnspid where s.pnpubid = object;
    else
        return query
        select 850, 'table ' || r.prrelid, null::text, '',
               format('alter publication %s add table only %I.%I', name, n.nspname, c.relname), null::text,
               mwa.plain(format('select mwa.publish_no_more(%L, %L, %L)', p.pubname, n.nspname, c.relname))
        from pg_publication_rel r join pg_class c on c.oid = r.prrelid join pg_namespace n on n.oid = c.relnamespace
        where r.prpubid = object;
    end if;
    return query select f.* from mwa.common_facets('pg_publication'::regclass, object, 'publication', name, p.pubowner, null, null) f;
end $$;

-- Out of a publication, where it is in it: there is no IF EXISTS for this, and a dropped table is out already.
create or replace function mwa.publish_no_more(publication text, schema_name text, relation text default null) returns void
    language plpgsql set search_path = pg_catalog as $$
begin
    if relation is null then
        if exists (select from pg_publication p join pg_publication_namespace s on s.pnpubid = p.oid
                   join pg_namespace n on n.oid = s.pnnspid where (p.pubname, n.nspname) = (publication, schema_name)) then
            execute format('alter publication %I drop tables in schema %I', publication, schema_name);
        end if;
    elsif exists (select from pg_publication p join pg_publication_rel r on r.prpubid = p.oid
                  join pg_class c on c.oid = r.prrelid join pg_namespace n on n.oid = c.relnamespace
                  where (p.pubname, n.nspname, c.relname) = (publication, schema_name, relation)) then
        execute format('alter publication %I drop table only %I.%I', publication, schema_name, relation);
    end if;
end $$;
