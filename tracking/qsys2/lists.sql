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
       d.started_at as migration_start_time,
       nullif(d.failure_job, '') as failure_job_name,
       nullif(d.failure, '') as failure_message,
       'LTL' as tracking_list,
       pair.name as pair_name,
       pool.database as database_name,
       d.command as change,
       nullif(d.set_aside, '')::text as set_aside,
       case when d.set_aside > '' then d.set_aside_by::text end as set_aside_by,
       case when d.set_aside > '' then d.set_aside_at end as set_aside_at,
       d.priority,
       d.id as definition_entry,
       null::bigint as object_entry
from tracking_definitionentry d
join nodes_storagepool pool on pool.id = d.pool_id
join nodes_pair pair on pair.id = pool.pair_id
where d.done_at is null
union all
select nullif(o.library, ''), case when o.library > '' then quote_ident(o.name) else o.name end,
       lower(o.object_type), o.state, o.tracked_at, o.size, o.started_at,
       nullif(o.failure_job, ''), nullif(o.why, ''), 'LTL', pair.name, pool.database, o.change,
       nullif(o.set_aside, ''), case when o.set_aside > '' then o.set_aside_by end,
       case when o.set_aside > '' then o.set_aside_at end, o.priority, null, o.id
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
       'OTL', pair.name, pool.database, null, null, null, null, null, null, null
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
    'When the attempt that is running began; null unless MIGRATING: what comes by the stream is READY until it is there';
comment on column qsys2.library_migration_list.failure_job_name is
    'Who made the latest attempt that failed: an apply worker of the secondary, or an engine; null in the OTL';
comment on column qsys2.library_migration_list.failure_message is
    'Why the latest attempt failed (in the OTL, of the whole pool), or what is to be done by hand';
comment on column qsys2.library_migration_list.tracking_list is 'LTL for definitions and other objects, OTL for rows of tables';
comment on column qsys2.library_migration_list.pair_name is 'Ours: the pair';
comment on column qsys2.library_migration_list.database_name is 'Ours: the database';
comment on column qsys2.library_migration_list.change is
    'Ours: the command that was tracked, or how the nodes differ; LTL only';
comment on column qsys2.library_migration_list.set_aside is
    'Ours: OMITTED is not carried and not waited for, DEFERRED not until somebody has it tried; else null';
comment on column qsys2.library_migration_list.set_aside_by is 'Ours: who has set it aside';
comment on column qsys2.library_migration_list.set_aside_at is 'Ours: when';
comment on column qsys2.library_migration_list.priority is
    'Ours: 0 is tried first; null comes after those that have one; LTL only';
comment on column qsys2.library_migration_list.definition_entry is
    'Ours: of a definition its number, which mwa entry takes with a d before it';
comment on column qsys2.library_migration_list.object_entry is
    'Ours: of another object its number, which mwa entry takes with an o before it';

-- One row per object: a table that was copied and whose definition was changed later is one object.
create view qsys2.migrated_library as
with copied as (
    select *, quote_ident(schema) || '.' || quote_ident(name) as identity
    from tracking_tablecopy where state = 'COPIED'
), object as (
    select coalesce(c.pool_id, m.pool_id) as pool_id, coalesce(c.schema, m.schema_name) as schema_name,
           coalesce(c.identity, m.identity) as identity, coalesce(m.object_type, 'table') as object_type,
           coalesce(m.tracked_at, c.started_at) as tracked_at,
           case when m.id is null then c.started_at else m.started_at end as started_at,
           greatest(c.ended_at, m.ended_at) as ended_at,
           (c.id is not null)::integer + coalesce(m.count, 0) as count,
           coalesce(m.size, nullif(c.bytes_total, 0), nullif(c.bytes, 0)) as bytes,
           m.id as entry
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
       pool.database as database_name,
       o.entry
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
    'When that success began; null where it was a definition''s, which the stream has brought';
comment on column qsys2.migrated_library.migration_end_time is 'When the latest success was complete';
comment on column qsys2.migrated_library.successful_migration_count is
    'Successes so far: the copy of a table, each of its definition''s changes, each time its contents were carried';
comment on column qsys2.migrated_library.object_size is
    'Bytes, about, when it was copied or carried; null where unknown';
comment on column qsys2.migrated_library.pair_name is 'Ours: the pair';
comment on column qsys2.migrated_library.database_name is 'Ours: the database';
comment on column qsys2.migrated_library.entry is 'Ours: its number; null of a table that was only copied';

-- Not one of IBM's: there, what failed is forgotten with the entry.
create view qsys2.migration_attempts as
select nullif(a.schema_name, '') as library_name,
       case when a.schema_name > '' and starts_with(a.identity, quote_ident(a.schema_name) || '.')
            then substr(a.identity, length(quote_ident(a.schema_name)) + 2) else a.identity end as object_name,
       a.object_type,
       a.command as change,
       a.outcome::text as outcome,
       a.started_at as migration_start_time,
       a.ended_at as migration_end_time,
       a.times as attempt_count,
       nullif(a.job, '') as job_name,
       nullif(a.message, '') as message,
       nullif(a.by, '')::text as user_name,
       pair.name as pair_name,
       pool.database as database_name,
       a.id as entry
from tracking_attempt a
join nodes_storagepool pool on pool.id = a.pool_id
join nodes_pair pair on pair.id = pool.pair_id;

comment on view qsys2.migration_attempts is
    'Ours: every attempt to carry an entry of the LTL, and what people did with one; the newest 10,000 of 30 days';
comment on column qsys2.migration_attempts.library_name is 'The schema; null for what is in none';
comment on column qsys2.migration_attempts.object_name is 'The object''s identity in its schema';
comment on column qsys2.migration_attempts.object_type is 'PostgreSQL''s word for the type';
comment on column qsys2.migration_attempts.change is 'The command that was tracked, or how the nodes differed';
comment on column qsys2.migration_attempts.outcome is
    'CARRIED, FAILED or SUPERSEDED; or by a person: BY HAND, OMITTED, DEFERRED, RESTORED, REMOVED';
comment on column qsys2.migration_attempts.migration_start_time is
    'When it began; null where the stream brought it, and for what a person did';
comment on column qsys2.migration_attempts.migration_end_time is 'When it ended, the last time';
comment on column qsys2.migration_attempts.attempt_count is 'How often in a row it has failed with the same message, else 1';
comment on column qsys2.migration_attempts.job_name is
    'Who carried it: an apply worker of the secondary, or an engine as host:process:mark';
comment on column qsys2.migration_attempts.message is 'Why it failed';
comment on column qsys2.migration_attempts.user_name is 'Who did it, or asked for it';
comment on column qsys2.migration_attempts.pair_name is 'The pair';
comment on column qsys2.migration_attempts.database_name is 'The database';
comment on column qsys2.migration_attempts.entry is 'Its number';
