-- A pair with so many entries in each of its lists: mostly READY, some of everything else.
-- %(pool)s, %(root)s, %(pair)s, %(entries)s
insert into tracking_trackedtable (pool_id, sheet, schema_name, table_name, key_columns, whole_reason, changes,
                                   keys, first_tracked_at)
select %(pool)s, 1 + i %% 2, 'schema_' || i %% 100, 'table_' || md5(i::text), '{id}',
       case when i %% 1000 = 0 then 'its key changed' else '' end, 1 + i %% 5000, i %% 900,
       now() - i * interval '1 second'
from generate_series(1, %(entries)s) i;
insert into tracking_definitionentry (pool_id, on_copy, number, command, object_type, schema_name, identity, state,
    failure, tracked_at, failure_job, priority, retry_asked, asked_by, set_aside, set_aside_by, done_by)
select %(pool)s, false, i, 'CREATE ' || upper(t), t, 'schema_' || i %% 100,
       'schema_' || i %% 100 || '.' || t || '_' || md5(i::text), case when s in ('READY', 'FAILED') then s else
       'READY' end, case when s = 'FAILED' then repeat('relation does not exist ', 20) else '' end,
       now() - i * interval '1 second', '', null, false, '', case when i %% 50000 = 1 then 'OMITTED' else '' end,
       'olga', ''
from generate_series(1, %(entries)s) i,
     lateral (select (array['view', 'function', 'type', 'index', 'trigger'])[1 + i %% 5] t,
                     case when i %% 10000 = 7 then 'FAILED' else 'READY' end s) x;
insert into tracking_otherobject (pool_id, object_type, library, name, change, why, state, tracked_at, failure_job,
    retry_asked, asked_by, set_aside, set_aside_by, done_by, key, seen)
select %(pool)s, 'LARGE OBJECT', '', 'object ' || md5(i::text), 'MISSING', '', case when i %% 10000 = 7 then
       'FAILED' else 'READY' end, now() - i * interval '1 second', '', false, '', '', '', '', '{}', ''
from generate_series(1, %(entries)s) i;
insert into tracking_filechange (root_id, turn, path, state, object_type, failure, failure_job, changes)
select %(root)s, i, convert_to('invoices/' || i %% 1000 || '/invoice_' || md5(i::text) || '.pdf', 'UTF8'),
       case when i %% 10000 = 7 then 'FAILED' else 'READY' end, case when i %% 10000 = 7 then '*STMF' else '' end,
       case when i %% 10000 = 7 then 'no room' else '' end, '', 1
from generate_series(1, %(entries)s) i;
insert into tracking_migratedobject (pool_id, schema_name, identity, object_type, tracked_at, ended_at, count)
select %(pool)s, 'schema_' || i %% 100, 'schema_' || i %% 100 || '.' || t || '_' || md5(i::text), t,
       now() - i * interval '1 second', now() - i * interval '1 second', 1
from generate_series(1, %(entries)s) i,
     lateral (select (array['view', 'function', 'type', 'index', 'trigger'])[1 + i %% 5] t) x;
insert into tracking_migratedfile (root_id, path, object_type, tracked_at, started_at, ended_at, size)
select %(root)s, convert_to('invoices/' || i %% 1000 || '/invoice_' || md5(i::text) || '.pdf', 'UTF8'), '*STMF',
       now() - i * interval '1 second', now(), now(), i
from generate_series(1, %(entries)s) i;
insert into tracking_attempt (pool_id, object_type, schema_name, identity, command, ended_at, outcome, message, job,
    by, times)
select %(pool)s, t, 'schema_' || i %% 100, 'schema_' || i %% 100 || '.' || t || '_' || md5(i::text),
       'CREATE ' || upper(t), now() - i * interval '1 second',
       case when i %% 10000 = 7 then 'FAILED' else 'CARRIED' end, '', '', '', 1
from generate_series(1, %(entries)s) i,
     lateral (select (array['view', 'function', 'type', 'index', 'trigger'])[1 + i %% 5] t) x;
insert into tracking_journalentry (at, pair_name, "user", entry_type, name, state, previous_state, phase_detail)
select now() - i * interval '1 second', %(pair)s, '', case when i %% 3 = 0 then 'M' else 'C' end,
       case when i %% 3 = 0 then 'MANAGER' else '*SYSBAS' end,
       case when i %% 2 = 0 then 'ACTIVE' else 'TRACKING' end, '', ''
from generate_series(1, %(entries)s) i;
