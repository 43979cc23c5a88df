-- Who it is and how it goes: version, seconds since its start, whether it recovers, how much log it has written.
select current_setting('server_version_num')::int as version,
       extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8 as up_seconds,
       pg_is_in_recovery() as recovering,
       (case when pg_is_in_recovery() then coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
             else pg_current_wal_lsn() end - '0/0')::bigint as written
