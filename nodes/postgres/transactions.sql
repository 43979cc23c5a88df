-- What has written anywhere in the cluster: a running-transactions record knows no databases.
select pid, coalesce(usename, '')::text, application_name,
       extract(epoch from clock_timestamp() - xact_start)::float as seconds, left(query, 200),
       coalesce(datname, '')::text, xact_start, backend_start, ''
from pg_stat_activity where backend_xid is not null and pid <> pg_backend_pid()
union all
select null, owner, '', extract(epoch from clock_timestamp() - prepared)::float, gid, database, prepared,
       null, ''
from pg_prepared_xacts
order by seconds desc
-- and:
-- What holds tables of this database, which a hand-over may have to wait for on the copy.
with held as (
    select l.pid, l.virtualtransaction, format('%I.%I', s.nspname, c.relname) as relation, l.mode,
           row_number() over (
               partition by l.virtualtransaction
               order by array_position(array['AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock',
                   'ShareLock', 'ShareUpdateExclusiveLock', 'RowExclusiveLock', 'RowShareLock',
                   'AccessShareLock'], l.mode), c.relpages desc, c.oid) as n,
           count(*) over (partition by l.virtualtransaction) as held
    from pg_locks l
    join pg_class c on c.oid = l.relation and c.relkind in ('r', 'p', 'm')
    join pg_namespace s on s.oid = c.relnamespace
        and s.nspname not in ('pg_catalog', 'information_schema', 'mwa', 'pg_toast')
    where l.granted and l.locktype = 'relation'
      and l.database = (select oid from pg_database where datname = current_database())
), first as (
    select *, format('%s (%s)', relation, mode)
              || case when held > 1 then format(' and %s more', held - 1) else '' end as holds
    from held where n = 1
)
select a.pid, coalesce(a.usename, '')::text, a.application_name,
       extract(epoch from clock_timestamp() - a.xact_start)::float as seconds, left(a.query, 200),
       a.datname::text, a.xact_start, a.backend_start, f.holds
from first f join pg_stat_activity a on a.pid = f.pid
where a.backend_type = 'client backend' and a.application_name !~ '^mwa ' and a.xact_start is not null
union all
select null, p.owner::text, '', extract(epoch from clock_timestamp() - p.prepared)::float, p.gid,
       p.database::text, p.prepared, null, f.holds
from first f join pg_prepared_xacts p on f.virtualtransaction = '-1/' || p.transaction
where f.pid is null
order by seconds desc
