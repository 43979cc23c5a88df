-- Foreign-data wrappers, servers, user mappings. (Foreign tables are tables.)

-- Options of a foreign table, server or the like, as OPTIONS (...) has them.
create or replace function mwa.foreign_options(options text[]) returns text
    language plpgsql immutable set search_path = pg_catalog as $$
begin
    if options is null then
        return null;
    end if;
    return (
    select string_agg(format('%I %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ') from unnest(options) o);
end $$;

-- All options that differ, in one statement: a wrapper may not take one without the other.
create or replace function mwa.change_options(what text, before text[], now text[]) returns void
    language plpgsql set search_path = pg_catalog as $$
declare
    changes text;
begin
    with b as (select split_part(o, '=', 1) as name, substr(o, strpos(o, '=') + 1) as value from unnest(before) o),
    n as (select split_part(o, '=', 1) as name, substr(o, strpos(o, '=') + 1) as value from unnest(now) o)
    select string_agg(case when n.name is null then format('drop %I', b.name) when b.name is null then format('add %I %L', n.name, n.value)
                           else format('set %I %L', n.name, n.value) end, ', ' order by n.name, b.name)
    into changes
    from b full join n using (name) where b.value is distinct from n.value;
    if changes is not null then
        execute format('alter %s options (%s)', what, changes);
    end if;
end $$;

create or replace function mwa.option_facet(
    what text, options text[], key text default 'options', parent text default ''
) returns mwa.facet
    language sql immutable set search_path = pg_catalog as $$
    select row(20, key, parent, coalesce(options, '{}')::text, null,
               mwa.plain(format('select mwa.change_options(%L, ', what)) || '%2$L'
               || mwa.plain(format(', %L)', coalesce(options, '{}'))), null)::mwa.facet
$$;

create or replace function mwa.wrapper_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select w.*, quote_ident(w.fdwname) as name,
               case w.fdwhandler when 0 then 'no handler' else 'handler ' || w.fdwhandler::regproc end as handler,
               case w.fdwvalidator when 0 then 'no validator' else 'validator ' || w.fdwvalidator::regproc end as validator
        from pg_foreign_data_wrapper w where w.oid = object)
    select 0, '', null::text, '',
           format('create foreign data wrapper %s %s %s', name, handler, validator)
           || coalesce(' options (' || mwa.foreign_options(this.fdwoptions) || ')', ''), null::text,
           'drop foreign data wrapper if exists %1$s'
    from this
    union all
    select 10, 'handler', '', this.fdwhandler::oid::text, null,
           mwa.plain(format('alter foreign data wrapper %s %s', name, handler)), null
    from this
    union all
    select 11, 'validator', '', this.fdwvalidator::oid::text, null,
           mwa.plain(format('alter foreign data wrapper %s %s', name, validator)), null
    from this
    union all
    select f.* from this, mwa.option_facet('foreign data wrapper ' || name, this.fdwoptions) f
    union all
    select f.* from this, mwa.common_facets(
        'pg_foreign_data_wrapper'::regclass, object, 'foreign data wrapper', name, this.fdwowner, this.fdwacl, 'F') f;
end $$;

create or replace function mwa.server_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select s.*, quote_ident(s.srvname) as name, w.fdwname
        from pg_foreign_server s join pg_foreign_data_wrapper w on w.oid = s.srvfdw where s.oid = object)
    select 0, '', null::text, format('%s %s', this.srvtype, this.srvfdw),
           concat_ws(' ', 'create server', name, 'type ' || quote_literal(this.srvtype), 'version ' || quote_literal(this.srvversion),
                     'foreign data wrapper', quote_ident(this.fdwname), 'options (' || mwa.foreign_options(this.srvoptions) || ')'),
           null::text, 'drop server if exists %1$s'
    from this
    union all
    select 10, 'version', '', coalesce(this.srvversion, ''), null,
           mwa.plain(format('alter server %s version %L', name, this.srvversion)), null
    from this
    union all
    select f.* from this, mwa.option_facet('server ' || name, this.srvoptions) f
    union all
    select f.* from this, mwa.common_facets('pg_foreign_server'::regclass, object, 'server', name, this.srvowner, this.srvacl, 'S') f;
end $$;

create or replace function mwa.user_mapping_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select u.umoptions,
               format('for %s server %I', case u.umuser when 0 then 'public' else u.umuser::regrole::text end, s.srvname) as name
        from pg_user_mapping u join pg_foreign_server s on s.oid = u.umserver where u.oid = object)
    select 0, '', null::text, '',
           concat_ws(' ', 'create user mapping', name, 'options (' || mwa.foreign_options(this.umoptions) || ')'), null::text,
           mwa.plain('drop user mapping if exists ' || name)
    from this
    union all
    select f.* from this, mwa.option_facet('user mapping ' || name, this.umoptions) f;
end $$;
