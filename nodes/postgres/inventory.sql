-- How many objects of each type this database has, by the names of the table "object types and migration".
-- What cannot be known is null: system settings for those who may not read where they come from.
with described (type) as (
    select case o.class
        when 'pg_class'::regclass then case c.relkind
            when 'r' then 'table' when 'p' then 'table' when 'f' then 'foreign table' when 'v' then 'view'
            when 'm' then 'materialized view' when 'S' then 'sequence' end
        when 'pg_type'::regclass then case t.typtype
            when 'e' then 'enum' when 'c' then 'composite type' when 'd' then 'domain' when 'r' then 'range'
            else 'base type' end
        when 'pg_proc'::regclass then case p.prokind
            when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end
        when 'pg_namespace'::regclass then 'schema'
        when 'pg_extension'::regclass then 'extension'
        when 'pg_collation'::regclass then 'collation'
        when 'pg_conversion'::regclass then 'conversion'
        when 'pg_operator'::regclass then 'operator'
        when 'pg_opfamily'::regclass then 'operator family'
        when 'pg_opclass'::regclass then 'operator class'
        when 'pg_cast'::regclass then 'cast'
        when 'pg_transform'::regclass then 'transform'
        when 'pg_language'::regclass then 'language'
        when 'pg_am'::regclass then 'access method'
        when 'pg_ts_parser'::regclass then 'text search parser'
        when 'pg_ts_template'::regclass then 'text search template'
        when 'pg_ts_dict'::regclass then 'text search dictionary'
        when 'pg_ts_config'::regclass then 'text search configuration'
        when 'pg_statistic_ext'::regclass then 'statistics object'
        when 'pg_foreign_data_wrapper'::regclass then 'foreign-data wrapper'
        when 'pg_foreign_server'::regclass then 'server'
        when 'pg_user_mapping'::regclass then 'user mapping'
        when 'pg_publication'::regclass then 'publication'
        when 'pg_default_acl'::regclass then 'default acl' end
    from mwa.objects() o
    left join pg_class c on o.class = 'pg_class'::regclass and c.oid = o.object
    left join pg_type t on o.class = 'pg_type'::regclass and t.oid = o.object
    left join pg_proc p on o.class = 'pg_proc'::regclass and p.oid = o.object
    where (o.object >= 16384 or (o.class, o.object) = ('pg_namespace'::regclass, 2200::oid))  -- public; no other of the system's
      and not (o.class = 'pg_proc'::regclass and exists (  -- the constructors of a range come with it
          select from pg_depend d where d.classid = o.class and d.objid = o.object and d.deptype = 'i'))
), here (oid) as (
    select oid from pg_database where datname = current_database()
)
select type, count(*) from described where type is not null group by type
union all
-- Where a table was never analyzed, the statistics of its writes tell.
select 'rows of tables', coalesce(sum(case when c.reltuples < 0 then coalesce(s.n_live_tup, 0) else c.reltuples end), 0)::bigint
from pg_class c left join pg_stat_user_tables s on s.relid = c.oid
where c.relkind = 'r' and c.relpersistence = 'p' and mwa.is_mirrored(c.oid)
  and c.relnamespace not in (select oid from pg_namespace where nspname in ('mwa', 'information_schema') or nspname like 'pg\_%')
union all
select 'DATABASE', 1
union all
select 'DATABASE SETTING', coalesce(sum(cardinality(setconfig)), 0) from pg_db_role_setting, here where setdatabase = here.oid and setrole = 0
union all
select 'ROLE SETTING', coalesce(sum(cardinality(setconfig)), 0) from pg_db_role_setting, here where setdatabase in (0, here.oid) and setrole <> 0
union all
select 'LARGE OBJECT', count(*) from pg_largeobject_metadata
union all
select 'UNLOGGED TABLE', count(*) from pg_class where relkind = 'r' and relpersistence = 'u'
union all
select 'MATERIALIZED VIEW', count(*) from pg_class where relkind = 'm'
union all
select 'EVENT TRIGGER', count(*) from pg_event_trigger where evtname not like 'mwa%'
union all
select 'SUBSCRIPTION', count(*) from pg_subscription, here where subdbid = here.oid and subname not like 'mwa\_%'
union all
select 'SECURITY LABEL', count(*) from pg_seclabel
