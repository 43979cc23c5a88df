-- Views and materialized views. The value of a query is its rule's node tree, which a rename elsewhere leaves as
-- it is.
create or replace function mwa.view_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select c.*, format('%I.%I', n.nspname, c.relname) as name,
               case c.relkind when 'v' then 'view' else 'materialized view' end as kind,
               rtrim(pg_get_viewdef(c.oid), ';') as query,
               array_cat(c.reloptions, array(
                   select 'toast.' || x from pg_class t, unnest(t.reloptions) x where t.oid = c.reltoastrelid)) as options,
               coalesce(
                   (select spcname from pg_tablespace where oid = c.reltablespace),
                   (select s.spcname from pg_database b join pg_tablespace s on s.oid = b.dattablespace
                    where b.datname = current_database())) as tablespace,
               (select amname from pg_am where oid = c.relam) as method
        from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = object),
    written as (
        -- A view that is replaced loses the options that are not said again.
        select this.*, case when options <> '{}' then format(' with (%s)', array_to_string(options, ', ')) else '' end as with_options
        from this)
    select 0, '', null, md5(r.ev_action::text), format('create view %s%s as %s', name, with_options, query),
           mwa.plain(format('create or replace view %s%s as %s', name, with_options, query)), 'drop view if exists %1$s'
    from written join pg_rewrite r on r.ev_class = object and r.rulename = '_RETURN' where kind = 'view'
    union all
    select 0, '', null, 'm',
           format('create materialized view %s using %I%s%s as %s with %s', name, method, with_options,
                  case when reltablespace <> 0 then format(' tablespace %I', tablespace) end, query,
                  case when relispopulated then 'data' else 'no data' end),
           null, 'drop materialized view if exists %1$s'
    from written where kind = 'materialized view'
    union all
    select 20, 'access method', '', relam::text, null,
           mwa.plain(format('alter materialized view %s set access method %I', name, method)), null
    from this where kind = 'materialized view'
    union all
    select 21, 'tablespace', '', reltablespace::text, null,
           mwa.plain(format('alter materialized view %s set tablespace %I', name, tablespace)), null
    from this where kind = 'materialized view'
    union all
    select 22, 'option ' || split_part(o, '=', 1), '', o, word, mwa.plain(word),
           format('alter %s %%1$s reset (%s)', kind, split_part(o, '=', 1))
    from this, unnest(options) o, lateral (select format('alter %s %s set (%s)', kind, name, o) as word) w
    union all
    select f.* from this, mwa.column_facets(object, name, kind) f
    union all
    select f.* from this, mwa.index_facets(object, name) f where kind = 'materialized view'
    union all
    select f.* from this, mwa.attached_facets(object, name, kind) f
    union all
    select f.* from this, mwa.common_facets('pg_class'::regclass, object, kind, name, this.relowner, this.relacl, 'r') f;
end $$;
