-- The subscriptions of all databases and the processes that apply for them. A parallel worker shares its
-- leader's subscription and has no messages of its own; worker_type is told from version 17 on.
select subscription.subname::text as subscription, coalesce(pg_database.datname, '')::text as database,
       subscription.subenabled as enabled, worker.pid,
       coalesce(to_jsonb(worker) ->> 'worker_type',
                case when worker.relid is not null then 'table synchronization'
                     when to_jsonb(worker) ->> 'leader_pid' is not null then 'parallel apply'
                     else 'apply' end) as kind,
       extract(epoch from clock_timestamp() - session.backend_start)::float8 as since_seconds,
       coalesce(session.state, '') as state,
       extract(epoch from clock_timestamp() - worker.last_msg_receipt_time)::float8 as message_seconds,
       statistics.apply_error_count as apply_errors, statistics.sync_error_count as sync_errors
from pg_subscription subscription
left join pg_database on pg_database.oid = subscription.subdbid
left join pg_stat_subscription worker on worker.subid = subscription.oid and worker.pid is not null
left join pg_stat_activity session on session.pid = worker.pid
left join pg_stat_subscription_stats statistics on statistics.subid = subscription.oid
order by subscription, worker.pid
limit 100
