-- Our own sessions by what they are for.
select substr(application_name, 5) as purpose, count(*)::int as number,
       (count(*) filter (where state = 'active'))::int as active,
       max(extract(epoch from clock_timestamp() - backend_start))::float8 as since_seconds
from pg_stat_activity
where starts_with(application_name, 'mwa ') and pid <> pg_backend_pid()
group by 1 order by 1
