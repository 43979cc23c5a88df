-- Who is sent the log now, with what the receiver has not confirmed yet.
select pid, coalesce(usename, '')::text as user, application_name as application,
       coalesce(host(client_addr), 'local') as client, coalesce(state, '') as state,
       coalesce(sync_state, '') as sync_state,
       extract(epoch from clock_timestamp() - backend_start)::float8 as since_seconds,
       case when not pg_is_in_recovery() then (pg_current_wal_lsn() - replay_lsn)::bigint end as behind_bytes
from pg_stat_replication
order by application, pid
limit 100
