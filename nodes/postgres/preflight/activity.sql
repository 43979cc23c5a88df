-- Client transactions older than a number of seconds, of all databases, oldest first: the hand-over waits for
-- every one that writes, and publishing a table waits for every one that has used it.
select a.pid, coalesce(a.usename, '?'), coalesce(a.datname, '?'),
       extract(epoch from clock_timestamp() - a.xact_start)::float8,
       to_char(a.query_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
       a.backend_xid is not null, a.state
from pg_stat_activity a
where a.backend_type = 'client backend' and a.pid <> pg_backend_pid()
  and a.xact_start < clock_timestamp() - make_interval(secs => %s)
order by a.xact_start
