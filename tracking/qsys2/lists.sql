-- Names of objects are identities within their schema, in quotes where SQL needs them: so they are the same
-- in every list, whether the object is a table, a function with its arguments, or a trigger on something.
create view qsys2.library_migration_list as
with tracked as (
    select t.pool_id, t.schema_name, t.table_name, min(t.first_tracked_at) as tracked_at,
           coalesce(bool_or(t.sheet < c.sheet), false) as in_work
    from tracking_trackedtable t left join tracking_capturedposition c on c.pool_id = t.pool_id
    where t.changes > 0 or t.whole_reason > ''
    group by t.pool_id, t.schema_name, t.table_name
)
select nullif(d.schema_name, '') as library_name,
       case when d.schema_name > '' and starts_with(d.identity, quote_ident(d.schema_name) || '.')
            then substr(d.identity, length(quote_ident(d.schema_name)) + 2) else d.identity end as object_name,
       d.object_type,
       d.state::text as tracking_state,
       d.tracked_at as initial_tracking_time,
       null::bigint as object_size,
       null::timestamptz as migration_start_time,
       null::text as failure_job_name,
       nullif(d.failure, '') as failure_message,
       'LTL' as tracking_list,
       pair.name as pair_name,
       pool.database as database_name,
       d.command as change
from tracking_definitionentry d
join nodes_storagepool pool on pool.id = d.pool_id
join nodes_pair pair on pair.id = pool.pair_id
where d.done_at is null
union all
select nullif(o.library, ''), case when o.library > '' then quote_ident(o.name) else o.name end,
       lower(o.object_type), o.state, o.tracked_at, o.size, case when o.state = 'MIGRATING' then o.tried_at end,
       null, nullif(o.why, ''), 'LTL', pair.name, pool.database, o.change
from tracking_otherobject o
join nodes_storagepool pool on pool.id = o.pool_id
join nodes_pair pair on pair.id = pool.pair_id
where o.done_at is null
union all
select t.schema_name, quote_ident(t.table_name), 'table',
       case when t.in_work and pool.detail = 'SYNCHRONIZING' then 'MIGRATING'
            when t.in_work and pool.reason = 9070 then 'FAILED' else 'READY' end,
       t.tracked_at,
       coalesce(nullif(c.bytes_total, 0), nullif(c.bytes, 0)),
       case when t.in_work and pool.detail = 'SYNCHRONIZING' then pool.since end,
       null,
       case when t.in_work and pool.reason = 9070 then nullif(pool.reason_text, '') end,
       'OTL', pair.name, pool.database, null
from tracked t
join nodes_storagepool pool on pool.id = t.pool_id
join nodes_pair pair on pair.id = pool.pair_id
left join tracking_tablecopy c on (c.pool_id, c.schema, c.name) = (t.pool_id, t.schema_name, t.table_name);

comment on view qsys2.library_migration_list is 'What the secondary does not have yet: LTL and OTL together';
comment on column qsys2.library_migration_list.library_name is 'The schema; null for what is in none';
comment on column qsys2.library_migration_list.object_name is 'The object''s identity in its schema';
comment on column qsys2.library_migration_list.object_type is 'PostgreSQL''s word for the type; table in the OTL';
comment on column qsys2.library_migration_list.tracking_state is
    'PREPARING, READY, MIGRATING, FAILED or INELIGIBLE, which is to be carried by hand';
comment on column qsys2.library_migration_list.initial_tracking_time is 'When it joined the list';
comment on column qsys2.library_migration_list.object_size is
    'Bytes, about; of a table, when it was copied; null where unknown';
comment on column qsys2.library_migration_list.migration_start_time is
    'When the attempt that is running began; null unless MIGRATING, and where a definition comes by the stream';
comment on column qsys2.library_migration_list.failure_job_name is 'Always null: which process failed is not noted';
comment on column qsys2.library_migration_list.failure_message is
    'Why the latest attempt failed (in the OTL, of the whole pool), or what is to be done by hand';
comment on column qsys2.library_migration_list.tracking_list is 'LTL for definitions and other objects, OTL for rows of tables';
comment on column qsys2.library_migration_list.pair_name is 'Ours: the pair';
comment on column qsys2.library_migration_list.database_name is 'Ours: the database';
comment on column qsys2.library_migration_list.change is
    'Ours: the command that was tracked, or how the nodes differ; LTL only';

-- One row per object: a table that was copied and whose definition was changed later is one object.
create view qsys2.migrated_library as
with copied as (
    select *, quote_ident(schema) || '.' || quote_ident(name) as identity
    from tracking_tablecopy where state = 'COPIED'
), object as (
    select coalesce(c.pool_id, m.pool_id) as pool_id, coalesce(c.schema, m.schema_name) as schema_name,
           coalesce(c.identity, m.identity) as identity, coalesce(m.object_type, 'table') as object_type,
           coalesce(m.tracked_at, c.started_at) as tracked_at,
           case when m.id is null then c.started_at end as started_at,
           greatest(c.ended_at, m.ended_at) as ended_at,
           (c.id is not null)::integer + coalesce(m.count, 0) as count,
           coalesce(nullif(c.bytes_total, 0), nullif(c.bytes, 0)) as bytes
    from copied c
    full join tracking_migratedobject m
        on (m.pool_id, m.identity, m.object_type) = (c.pool_id, c.identity, 'table')
)
select nullif(o.schema_name, '') as library_name,
       case when o.schema_name > '' and starts_with(o.identity, quote_ident(o.schema_name) || '.')
            then substr(o.identity, length(quote_ident(o.schema_name)) + 2) else o.identity end as object_name,
       o.object_type,
       o.tracked_at as initial_tracking_time,
       o.started_at as migration_start_time,
       o.ended_at as migration_end_time,
       o.count as successful_migration_count,
       o.bytes as object_size,
       pair.name as pair_name,
       pool.database as database_name
from object o
join nodes_storagepool pool on pool.id = o.pool_id
join nodes_pair pair on pair.id = pool.pair_id;

comment on view qsys2.migrated_library is 'What has been carried: one row per object, of its latest success';
comment on column qsys2.migrated_library.library_name is 'The schema; null for what is in none';
comment on column qsys2.migrated_library.object_name is 'The object''s identity in its schema';
comment on column qsys2.migrated_library.object_type is 'PostgreSQL''s word for the type';
comment on column qsys2.migrated_library.initial_tracking_time is
    'When the latest change that was carried joined the list; of a table that was only copied, when that began';
comment on column qsys2.migrated_library.migration_start_time is
    'When the copy of a table began; null for a definition, which comes by the stream';
comment on column qsys2.migrated_library.migration_end_time is 'When the latest success was complete';
comment on column qsys2.migrated_library.successful_migration_count is
    'Successes so far: the copy of a table, and each of its definition''s changes';
comment on column qsys2.migrated_library.object_size is
    'Bytes, about: those of the table when it was copied; null where unknown';
comment on column qsys2.migrated_library.pair_name is 'Ours: the pair';
comment on column qsys2.migrated_library.database_name is 'Ours: the database';
