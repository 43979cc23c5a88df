-- IBM i's names over the portal's tables. A view runs with the rights of its owner, the portal's role: who
-- reads it needs none on the tables. Columns marked "ours" are not IBM's; they come last, so that what was
-- written for IBM's columns finds them where they are.
do $$
begin
    if to_regnamespace('qsys2') is null then  -- else somebody made it for a role that may not
        create schema qsys2;
    end if;
end $$;

-- Stages, details in words and what counts as trouble are those of nodes/status.py; a test holds them equal.
create view qsys2.migration_manager_info as
with trouble(reason) as (
    values (226), (266), (8690), (9010), (9030), (9040), (9070), (9100), (9110), (9120)
), pool as (
    select pair_id,
           case when bool_and(state = 'NOT MIRRORED') then 'NOT CONFIGURED'
                when bool_and(state in ('TRACKING', 'ACTIVE')) then 'ACTIVE' else 'NOT ACTIVE' end as on_primary,
           case when bool_and(state = 'NOT MIRRORED') then 'NOT CONFIGURED'
                when bool_and(state = 'ACTIVE') then 'ACTIVE' else 'NOT ACTIVE' end as on_secondary,
           string_agg(format('%s is suspended: %s %s', case when number = 1 then '*SYSBAS' else database end,
                             reason, reason_text), '; ' order by number)
               filter (where detail = 'SUSPENDED' and reason in (select t.reason from trouble t)) as stopped
    from nodes_storagepool group by pair_id
), owed as (
    select p.pair_id, count(*) as entries, sum(t.changes) as changes
    from tracking_trackedtable t join nodes_storagepool p on p.id = t.pool_id
    where t.changes > 0 or t.whole_reason > '' group by p.pair_id
), by_hand as (
    select p.pair_id, count(*) as definitions
    from tracking_definitionentry d join nodes_storagepool p on p.id = d.pool_id
    where d.done_at is null and d.set_aside <> 'OMITTED'
      and (d.state in ('FAILED', 'INELIGIBLE') or d.set_aside = 'DEFERRED' or d.state = 'MIGRATING' and d.failure > '')
    group by p.pair_id
), root as (
    select pair_id,
           case when bool_and(state = 'NOT MIRRORED') then 'NOT CONFIGURED'
                when bool_and(state in ('TRACKING', 'ACTIVE')) then 'ACTIVE' else 'NOT ACTIVE' end as on_primary,
           case when bool_and(state = 'NOT MIRRORED') then 'NOT CONFIGURED'
                when bool_and(state = 'ACTIVE') then 'ACTIVE' else 'NOT ACTIVE' end as on_secondary,
           string_agg(format('File root %s is suspended: %s %s', source, reason, reason_text), '; ' order by number)
               filter (where detail = 'SUSPENDED' and reason in (select t.reason from trouble t)) as stopped
    from nodes_fileroot group by pair_id
), file as (
    select r.pair_id,
           count(*) filter (where c.state <> 'INELIGIBLE' and c.set_aside <> 'OMITTED') as owed,
           count(*) filter (where c.state = 'FAILED' and c.set_aside = '' or c.set_aside = 'DEFERRED') as waiting
    from tracking_filechange c join nodes_fileroot r on r.id = c.root_id group by r.pair_id
), rounds as (
    select p.pair_id, sum(c.sheet - 1) as begun
    from tracking_capturedposition c join nodes_storagepool p on p.id = c.pool_id group by p.pair_id
), pair as (
    select p.*, source.name as source_name, copy.name as copy_name,
           pool.on_primary, pool.on_secondary,
           nullif(concat_ws('; ', pool.stopped, root.stopped), '') as stopped,
           root.on_primary as files_on_primary, root.on_secondary as files_on_secondary,
           root.pair_id is not null as has_roots, root.stopped is not null as files_stopped,
           coalesce(file.owed, 0) as files_owed, coalesce(file.waiting, 0) as files_waiting,
           owed.entries, owed.changes, by_hand.definitions, rounds.begun,
           case when p.phase in ('', 'SETUP', 'FINAL SETUP') then 'SYSTEM MIGRATION'
                when p.phase in ('SYNC', 'PAUSED') then 'DATA SYNCHRONIZATION' else 'CUTOVER' end as stage,
           p.phase_detail = 'E' or pool.stopped is not null or root.stopped is not null as halted
    from nodes_pair p
    join nodes_node source on source.id = p.source_id
    join nodes_node copy on copy.id = p.copy_id
    left join pool on pool.pair_id = p.id
    left join owed on owed.pair_id = p.id
    left join by_hand on by_hand.pair_id = p.id
    left join root on root.pair_id = p.id
    left join file on file.pair_id = p.id
    left join rounds on rounds.pair_id = p.id
), entry as (
    select pair.*, 'MIGRATION MANAGER' as entry_type,
           case when halted then 'E' else phase_detail end as letter, null::bigint as intervals,
           case when phase_detail = 'E' or stopped is null then detail_text else stopped end as said
    from pair
    union all
    select pair.*, 'OBJECT MIRROR', case when halted then 'I' else phase_detail end, begun,
           case when entries is null then 'nothing is owed'
                else format('%s changes on %s entries are owed to the secondary',
                            to_char(changes, 'FM999,999,999,999,990'), to_char(entries, 'FM999,999,999,990')) end
    from pair
    union all
    select pair.*, 'OBJECT RESTORE',
           case when definitions > 0 then 'E' when halted then 'I' else phase_detail end, null,
           case when definitions > 0 then to_char(definitions, 'FM999,999,999,990') || ' to be carried by hand'
                else 'nothing waits' end
    from pair
    union all
    select pair.*, 'IFS RESTORE',
           case when not has_roots then null when files_waiting > 0 or files_stopped then 'E'
                when halted then 'I' else phase_detail end, null,
           case when not has_roots then 'this pair has no file roots'
                when files_waiting = 1 then '1 file waits for somebody'
                when files_waiting > 1
                then to_char(files_waiting, 'FM999,999,999,999,990') || ' files wait for somebody'
                when files_owed = 1 then '1 file is owed to the secondary'
                when files_owed > 1
                then to_char(files_owed, 'FM999,999,999,999,990') || ' files are owed to the secondary'
                else 'nothing is owed' end
    from pair
), node as (
    select entry.*,
           coalesce(case entry_type when 'IFS RESTORE' then files_on_primary else on_primary end,
                    'NOT CONFIGURED') as primary_state,
           coalesce(case entry_type when 'IFS RESTORE' then files_on_secondary else on_secondary end,
                    'NOT CONFIGURED') as secondary_state
    from entry
)
select entry_type,
       case when swapped then secondary_state else primary_state end as source_node_state,
       case when swapped then primary_state else secondary_state end as copy_node_state,
       case when letter is not null then stage end as migration_stage,
       case when letter is not null then nullif(phase, '') end as migration_phase,
       case when letter is not null and goal <> phase and (goal <> 'SYNC' or stage = 'DATA SYNCHRONIZATION')
            then nullif(goal, '') end as pending_migration_phase,
       case letter when 'A' then 'ACTIVE' when 'C' then 'COMPLETE' when 'E' then 'ERROR' when 'I' then 'IDLE'
                   when 'P' then 'PREPARING RESTRICTED STATE' when 'R' then 'PREPARED FOR RESTRICTED STATE' end
           as migration_phase_detail,
       nullif(said, '') as migration_detail_info_text,
       intervals as migration_interval_count,
       case when letter is not null and lease_until > now() then nullif(lease_owner, '') end as qualified_job_name,
       source_name as source_node,
       copy_name as copy_node,
       case when swapped then copy_name else source_name end as primary_node,
       name as pair_name
from node;

comment on view qsys2.migration_manager_info is 'Where the migration of each pair stands: four rows a pair';
comment on column qsys2.migration_manager_info.entry_type is
    'MIGRATION MANAGER for the whole, OBJECT MIRROR for the OTL, OBJECT RESTORE for the LTL, IFS RESTORE for files';
comment on column qsys2.migration_manager_info.source_node_state is
    'ACTIVE, NOT ACTIVE or NOT CONFIGURED: whether changes are tracked there; as a secondary, whether they arrive';
comment on column qsys2.migration_manager_info.copy_node_state is
    'ACTIVE, NOT ACTIVE or NOT CONFIGURED: whether changes arrive there; as a primary, whether they are tracked';
comment on column qsys2.migration_manager_info.migration_stage is
    'SYSTEM MIGRATION, DATA SYNCHRONIZATION or CUTOVER';
comment on column qsys2.migration_manager_info.migration_phase is
    'The phase as M9 entries spell it; null before the start';
comment on column qsys2.migration_manager_info.pending_migration_phase is
    'What was asked for and is not in force yet';
comment on column qsys2.migration_manager_info.migration_phase_detail is
    'ACTIVE, COMPLETE, ERROR, IDLE, PREPARING or PREPARED FOR RESTRICTED STATE; M9 entries have the letter';
comment on column qsys2.migration_manager_info.migration_detail_info_text is
    'What there is to say about the detail';
comment on column qsys2.migration_manager_info.migration_interval_count is
    'Rounds of synchronization that were begun, of all pools; OBJECT MIRROR only';
comment on column qsys2.migration_manager_info.qualified_job_name is
    'The engine that works on the pair now, as host:process:mark';
comment on column qsys2.migration_manager_info.source_node is 'The node that is moved away from';
comment on column qsys2.migration_manager_info.copy_node is 'The node that is moved to';
comment on column qsys2.migration_manager_info.primary_node is 'Which of them may be written to now';
comment on column qsys2.migration_manager_info.pair_name is 'Ours: the pair';
