-- How much is on each list, without counting it: every statement that changes a list notes by how much, and
-- the engine folds what was noted. Noting only ever inserts, so those who write a list at the same time never
-- wait for one another.
create table tracking_listcount (
    list text not null,
    owner text not null,              -- the key of a pool or a file root, or the name of a pair (journal)
    sheet integer not null,           -- of the object tracking list; 0: all others
    state text not null,
    set_aside text not null,          -- DONE: ticked off
    object_type text not null,
    waits boolean not null,           -- for somebody
    entries bigint not null,
    changes bigint not null,          -- of the object tracking list, like the keys and how many go whole
    keys bigint not null,
    whole bigint not null,
    touched bigint not null,          -- entries that came, went or stand otherwise, ever
    primary key (list, owner, sheet, state, set_aside, object_type, waits)
);
create table tracking_listdelta (
    list text not null, owner text not null, sheet integer not null, state text not null,
    set_aside text not null, object_type text not null, waits boolean not null, entries bigint not null,
    changes bigint not null, keys bigint not null, whole bigint not null, touched bigint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

create view tracking_listtotal as
select list, owner, sheet, state, set_aside, object_type, waits, sum(entries)::bigint as entries,
       sum(changes)::bigint as changes, sum(keys)::bigint as keys, sum(whole)::bigint as whole,
       sum(touched)::bigint as touched
from (table tracking_listcount union all table tracking_listdelta) noted
group by list, owner, sheet, state, set_aside, object_type, waits;

-- What of a list is counted by what, and the triggers that note it.
do $do$
declare
    counted record;
    measured text;
begin
    for counted in select * from (values
        ('tables', 'tracking_trackedtable', 'pool_id', 'sheet', '''''', '''''', '''''', 'false',
         'changes > 0 or whole_reason > ''''', 'changes', 'keys', '(whole_reason > '''')::int'),
        ('definitions', 'tracking_definitionentry', 'pool_id', '0', 'state',
         'case when done_at is null then set_aside else ''DONE'' end', 'object_type',
         'done_at is null and set_aside <> ''OMITTED'' and (state in (''FAILED'', ''INELIGIBLE'')'
         ' or state = ''MIGRATING'' and failure > '''' or set_aside = ''DEFERRED'')',
         'true', '0', '0', '0'),
        ('objects', 'tracking_otherobject', 'pool_id', '0', 'state',
         'case when done_at is null then set_aside else ''DONE'' end', 'object_type',
         'done_at is null and set_aside <> ''OMITTED'' and (state in (''FAILED'', ''INELIGIBLE'')'
         ' or set_aside = ''DEFERRED'')',
         'true', '0', '0', '0'),
        ('paths', 'tracking_filechange', 'root_id', '0', 'state', 'set_aside', 'object_type',
         'state = ''FAILED'' and set_aside = '''' or set_aside = ''DEFERRED''', 'true', '0', '0', '0'),
        ('migrated', 'tracking_migratedobject', 'pool_id', '0', '''''', '''''', 'object_type', 'false',
         'true', '0', '0', '0'),
        ('migrated-files', 'tracking_migratedfile', 'root_id', '0', '''''', '''''', 'object_type', 'false',
         'true', '0', '0', '0'),
        ('attempts', 'tracking_attempt', 'pool_id', '0', 'outcome', '''''', 'object_type', 'false',
         'true', '0', '0', '0'),
        ('journal', 'tracking_journalentry', 'pair_name', '0', 'state', '''''', 'entry_type', 'false',
         'true', '0', '0', '0')
    ) as list(name, relation, owner, sheet, state, set_aside, object_type, waits, listed, changes, keys, whole)
    loop
        measured := format(
            '(%s)::text as owner, %s as sheet, %s as state, %s as set_aside, %s as object_type,'
            ' (%s) as waits, (%s)::int::bigint as entries, (%s)::bigint as changes, (%s)::bigint as keys,'
            ' (%s)::bigint as whole',
            counted.owner, counted.sheet, counted.state, counted.set_aside, counted.object_type,
            counted.waits, counted.listed, counted.changes, counted.keys, counted.whole);
        execute replace(replace(replace(replace($code$
            create function tracking_count_#function#() returns trigger language plpgsql as $$
            begin
                if tg_op = 'TRUNCATE' then
                    delete from public.tracking_listcount where list = '#list#';
                    delete from public.tracking_listdelta where list = '#list#';
                elsif tg_op = 'INSERT' then
                    insert into public.tracking_listdelta
                    select '#list#', owner, sheet, state, set_aside, object_type, waits, sum(entries),
                           sum(changes), sum(keys), sum(whole), sum(entries)
                    from (select #measured# from fresh) row group by 2, 3, 4, 5, 6, 7;
                elsif tg_op = 'DELETE' then
                    insert into public.tracking_listdelta
                    select '#list#', owner, sheet, state, set_aside, object_type, waits, -sum(entries),
                           -sum(changes), -sum(keys), -sum(whole), sum(entries)
                    from (select #measured# from gone) row group by 2, 3, 4, 5, 6, 7;
                else
                    insert into public.tracking_listdelta
                    select '#list#', owner, sheet, state, set_aside, object_type, waits,
                           sum(sign * entries), sum(sign * changes), sum(sign * keys), sum(sign * whole),
                           greatest(sum(sign * entries), 0)
                    from (select 1 as sign, #measured# from fresh
                          union all select -1, #measured# from gone) row
                    group by 2, 3, 4, 5, 6, 7
                    having sum(sign * entries) <> 0 or sum(sign * changes) <> 0 or sum(sign * keys) <> 0
                           or sum(sign * whole) <> 0;
                end if;
                return null;
            end $$;
            -- What is noted is what there is: whatever is wrong is put right, and returned.
            create function tracking_recount_#function#() returns bigint language plpgsql as $$
            declare
                wrong bigint;
            begin
                insert into public.tracking_listdelta
                select '#list#', owner, sheet, state, set_aside, object_type, waits, sum(entries),
                       sum(changes), sum(keys), sum(whole), 0
                from (select #measured# from public.#relation#
                      union all
                      select owner, sheet, state, set_aside, object_type, waits, -entries, -changes, -keys, -whole
                      from public.tracking_listtotal where list = '#list#') row
                group by 2, 3, 4, 5, 6, 7
                having sum(entries) <> 0 or sum(changes) <> 0 or sum(keys) <> 0 or sum(whole) <> 0;
                get diagnostics wrong = row_count;
                return wrong;
            end $$;
            create trigger counted_insert after insert on #relation#
                referencing new table as fresh for each statement execute function tracking_count_#function#();
            create trigger counted_delete after delete on #relation#
                referencing old table as gone for each statement execute function tracking_count_#function#();
            create trigger counted_update after update on #relation#
                referencing old table as gone new table as fresh
                for each statement execute function tracking_count_#function#();
            create trigger counted_truncate after truncate on #relation#
                for each statement execute function tracking_count_#function#();
            lock table #relation# in share mode;
            select tracking_recount_#function#();
        $code$, '#measured#', measured), '#relation#', counted.relation), '#list#', counted.name),
            '#function#', replace(counted.name, '-', '_'));
    end loop;
end $do$;
