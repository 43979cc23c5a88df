-- The oldest transactions of clients, and every prepared one: vacuum cannot clean behind them, and a
-- hand-over waits for those that have written. A pid of null: prepared, and query is the name that ends it.
select pid, coalesce(usename, '')::text as user, coalesce(datname, '')::text as database,
       application_name as application,
       extract(epoch from clock_timestamp() - xact_start)::float8 as seconds,
       backend_xid is not null as writes,
       age(coalesce(backend_xmin, backend_xid))::bigint as horizon, coalesce(state, '') as state,
       left(query, 200) as query
from pg_stat_activity
where backend_type = 'client backend' and pid <> pg_backend_pid()
  and xact_start < clock_timestamp() - make_interval(secs => %s)
union all
select null, owner::text, database::text, '', extract(epoch from clock_timestamp() - prepared)::float8, true,
       age(transaction)::bigint, 'prepared', gid
from pg_prepared_xacts
order by seconds desc
limit 20
