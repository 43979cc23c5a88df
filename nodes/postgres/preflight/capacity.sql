-- How much of each limited resource there is, and how much is taken now. A suspended subscription has no
-- worker but will want it back, so enabled subscriptions count where there are more of them than workers.
-- Until version 17 replication origins were limited by max_replication_slots.
with session as (select backend_type from pg_stat_activity)
select 'max_replication_slots' as setting, current_setting('max_replication_slots')::int as maximum,
       (select count(*) from pg_replication_slots)::int as used
union all
select 'max_active_replication_origins',
       coalesce(current_setting('max_active_replication_origins', true),
                current_setting('max_replication_slots'))::int,
       (select count(*) from pg_replication_origin)::int
union all
select 'max_wal_senders', current_setting('max_wal_senders')::int,
       (select count(*) from session where backend_type = 'walsender')::int
union all
select 'max_logical_replication_workers', current_setting('max_logical_replication_workers')::int,
       greatest((select count(*) from session where backend_type like 'logical replication %worker'),
                (select count(*) from pg_subscription where subenabled))::int
union all
select 'max_worker_processes', current_setting('max_worker_processes')::int,
       (select count(*) from session where backend_type not in
           ('client backend', 'walsender', 'walreceiver', 'autovacuum launcher', 'autovacuum worker',
            'background writer', 'checkpointer', 'walwriter', 'walsummarizer', 'startup', 'archiver',
            'logger', 'io worker', 'slotsync worker', 'standalone backend'))::int
union all
select 'max_connections',
       current_setting('max_connections')::int,
       (select count(*) from session where backend_type = 'client backend')::int
