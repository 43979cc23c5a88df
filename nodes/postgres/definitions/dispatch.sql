-- Which objects there are, and who describes them.

-- Everything that is described, but for what belongs to an extension, the system or us.
create or replace function mwa.objects() returns table (class oid, object oid)
    language sql stable set search_path = pg_catalog as $$
    with every (class, object, namespace) as (
        select 'pg_namespace'::regclass, oid, oid from pg_namespace
        union all select 'pg_extension'::regclass, oid, null from pg_extension where extname <> 'plpgsql'
        union all select 'pg_type'::regclass, t.oid, t.typnamespace from pg_type t
        where t.typtype in ('e', 'd', 'r') or not t.typisdefined or mwa.is_base_type(t) or t.typtype = 'c' and exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c')
        union all select 'pg_proc'::regclass, oid, pronamespace from pg_proc
        union all select 'pg_class'::regclass, c.oid, c.relnamespace from pg_class c
        where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S') and c.relpersistence <> 't'
          and not (c.relkind = 'S' and exists (
              select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'i'))
        union all select 'pg_collation'::regclass, oid, collnamespace from pg_collation
        union all select 'pg_conversion'::regclass, oid, connamespace from pg_conversion
        union all select 'pg_operator'::regclass, oid, oprnamespace from pg_operator
        union all select 'pg_opfamily'::regclass, oid, opfnamespace from pg_opfamily
        union all select 'pg_opclass'::regclass, oid, opcnamespace from pg_opclass
        union all select 'pg_cast'::regclass, oid, null from pg_cast
        union all select 'pg_transform'::regclass, oid, null from pg_transform
        union all select 'pg_language'::regclass, oid, null from pg_language
        union all select 'pg_am'::regclass, oid, null from pg_am
        union all select 'pg_ts_parser'::regclass, oid, prsnamespace from pg_ts_parser
        union all select 'pg_ts_template'::regclass, oid, tmplnamespace from pg_ts_template
        union all select 'pg_ts_dict'::regclass, oid, dictnamespace from pg_ts_dict
        union all select 'pg_ts_config'::regclass, oid, cfgnamespace from pg_ts_config
        union all select 'pg_statistic_ext'::regclass, oid, stxnamespace from pg_statistic_ext
        union all select 'pg_foreign_data_wrapper'::regclass, oid, null from pg_foreign_data_wrapper
        union all select 'pg_foreign_server'::regclass, oid, null from pg_foreign_server
        union all select 'pg_user_mapping'::regclass, oid, null from pg_user_mapping
        union all select 'pg_publication'::regclass, oid, null from pg_publication where pubname <> 'mwa'
        union all select 'pg_default_acl'::regclass, oid, null from pg_default_acl)
    select e.class, e.object from every e
    where e.object >= 16384  -- FirstNormalObjectId: the system's own objects have smaller numbers
      and not exists (select from pg_namespace n where n.oid = e.namespace
                      and (n.nspname in ('mwa', 'information_schema') or n.nspname like 'pg\_%'))
      and not exists (select from pg_depend d where d.classid = e.class and d.objid = e.object and d.deptype = 'e')
    union all  -- a privilege on these can be changed; or public's comment
    select o.class, o.object from mwa.opened_objects() o
    union all
    select 'pg_namespace'::regclass, oid from pg_namespace where oid = 2200
$$;

-- The description of one object; none where nobody describes its kind.
create or replace function mwa.facets(class oid, object oid, type text) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    case
        when mwa.comes_along(class, object) then return query select * from mwa.came_along_facets(class, object);
        when type in ('table', 'foreign table') then return query select * from mwa.table_facets(object);
        when type in ('view', 'materialized view') then return query select * from mwa.view_facets(object);
        when type = 'sequence' then return query select * from mwa.sequence_facets(object);
        when class = 'pg_type'::regclass then return query select * from mwa.type_facets(object);
        when type in ('function', 'procedure') then return query select * from mwa.function_facets(object);
        when type = 'aggregate' then return query select * from mwa.aggregate_facets(object);
        when type = 'operator' then return query select * from mwa.operator_facets(object);
        when type = 'operator family' then return query select * from mwa.operator_family_facets(object);
        when type = 'operator class' then return query select * from mwa.operator_class_facets(object);
        when type = 'cast' then return query select * from mwa.cast_facets(object);
        when type = 'conversion' then return query select * from mwa.conversion_facets(object);
        when type = 'language' then return query select * from mwa.language_facets(object);
        when type = 'transform' then return query select * from mwa.transform_facets(object);
        when type = 'access method' then return query select * from mwa.access_method_facets(object);
        when type = 'text search parser' then return query select * from mwa.text_search_parser_facets(object);
        when type = 'text search template' then return query select * from mwa.text_search_template_facets(object);
        when type = 'text search dictionary' then return query select * from mwa.text_search_dictionary_facets(object);
        when type = 'text search configuration' then return query select * from mwa.text_search_configuration_facets(object);
        when type = 'schema' then return query select * from mwa.schema_facets(object);
        when type = 'extension' then return query select * from mwa.extension_facets(object);
        when type = 'collation' then return query select * from mwa.collation_facets(object);
        when type = 'statistics object' then return query select * from mwa.statistics_facets(object);
        when type = 'foreign-data wrapper' then return query select * from mwa.wrapper_facets(object);
        when type = 'server' then return query select * from mwa.server_facets(object);
        when type = 'user mapping' then return query select * from mwa.user_mapping_facets(object);
        when type = 'publication' then return query select * from mwa.publication_facets(object);
        when type = 'default acl' then return query select * from mwa.default_privileges_facets(object);
        else return;
    end case;
end $$;

-- The catalog's own text of what is granted on an object.
create or replace function mwa.privileges(class oid, object oid) returns text
    language plpgsql stable set search_path = pg_catalog as $$
begin
    case class
        when 'pg_class'::regclass then
            return (select concat(relacl::text, (select string_agg(attacl::text, ' ' order by attnum)
                                                 from pg_attribute where attrelid = object and attacl is not null), (
                                  select string_agg(i.relacl::text, ' ' order by s)
                                  from mwa.owned_sequences(object, 'i') s join pg_class i on i.oid = s))
                    from pg_class where oid = object);
        when 'pg_proc'::regclass then return (select proacl::text from pg_proc where oid = object);
        when 'pg_namespace'::regclass then return (select nspacl::text from pg_namespace where oid = object);
        when 'pg_type'::regclass then return (select typacl::text from pg_type where oid = object);
        when 'pg_language'::regclass then return (select lanacl::text from pg_language where oid = object);
        when 'pg_foreign_server'::regclass then return (select srvacl::text from pg_foreign_server where oid = object);
        when 'pg_foreign_data_wrapper'::regclass then return (select fdwacl::text from pg_foreign_data_wrapper where oid = object);
        when 'pg_default_acl'::regclass then return (select defaclacl::text from pg_default_acl where oid = object);
        else return null;
    end case;
end $$;
