-- Every replication slot with the log that the server keeps for it, the greediest first. What only later
-- versions tell (inactive_since, invalidation_reason: 17) is null before.
with written as (
    select case when pg_is_in_recovery() then coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                else pg_current_wal_lsn() end as position)
select slot_name::text as name, slot_type as kind, coalesce(database, '')::text as database, active_pid,
       temporary, (position - restart_lsn)::bigint as held_bytes, coalesce(wal_status, '') as wal_status,
       safe_wal_size as safe_bytes,
       extract(epoch from clock_timestamp() - (to_jsonb(slot) ->> 'inactive_since')::timestamptz)::float8
           as inactive_seconds,
       coalesce(to_jsonb(slot) ->> 'invalidation_reason', '') as invalidation
from pg_replication_slots slot, written
order by held_bytes desc nulls last, name
limit 100
