-- The lists of files. A path is bytes; shown is what tracking/ifs/paths.shown makes of it for the page, on one
-- line: \\ is a backslash, \n, \t and \r are what they are elsewhere, and \x with two digits is one byte of what
-- is no printable character of UTF-8. So no two paths look the same. convert_from alone would end the whole query
-- at the first name that is not UTF-8. What is looked at is hex digits, which have no encoding: a run of printable
-- characters, or else a byte.
create or replace function qsys2.path_name(directory text, path bytea) returns text
language sql immutable strict parallel safe
return (
    select case
        when encode(whole, 'escape') collate "C" ~ '^[ -\[\]-~]*$' then encode(whole, 'escape')
        else (
            select string_agg(
                case when found[1] is not null then convert_from(decode(found[1], 'hex'), 'UTF8')
                     else case found[2] when '5c' then '\\' when '09' then '\t' when '0a' then '\n'
                                        when '0d' then '\r' else '\x' || found[2] end end, '' order by number)
            from regexp_matches(encode(whole, 'hex'), concat(
                    '((?:[2-46].|5[0-9abd-f]|7[0-9a-e]',  -- of one byte, without control characters, backslash
                    '|c2[ab].|c[3-9a-f][89ab].|d.[89ab].',  -- two, without control characters
                    '|e0[ab].[89ab].|e[1-9abcef](?:[89ab].){2}|ed[89].[89ab].',  -- three, without surrogates
                    '|f0[9ab].(?:[89ab].){2}|f[123](?:[89ab].){3}|f48.(?:[89ab].){2})+)|(..)'  -- four
                ), 'g') with ordinality as part(found, number))
        end
    from (values (case when path = '' then convert_to(directory, 'UTF8')
                       else convert_to(rtrim(directory, '/'), 'UTF8') || '/'::bytea || path end)) as it(whole)
);

comment on function qsys2.path_name(text, bytea) is
    'A path in a directory, as the lists of files have it: \\ is a backslash, \xNN a byte that is no character';

create view qsys2.ifs_migration_list as
select qsys2.path_name(root.source, c.path) as path_name,
       coalesce(nullif(c.object_type, ''), m.object_type) as object_type,
       c.state as tracking_state,
       c.first_tracked_at as initial_tracking_time,
       m.size as object_size,
       c.started_at as migration_start_time,
       nullif(c.failure_job, '') as failure_job_name,
       nullif(c.failure, '') as failure_message,
       pair.name as pair_name,
       nullif(c.set_aside, '') as set_aside,
       case when c.set_aside > '' then c.set_aside_by end as set_aside_by,
       case when c.set_aside > '' then c.set_aside_at end as set_aside_at,
       c.changes,
       case when c.walk then c.reason end as walk_reason,
       c.id as entry
from tracking_filechange c
join nodes_fileroot root on root.id = c.root_id
join nodes_pair pair on pair.id = root.pair_id
left join tracking_migratedfile m on m.root_id = c.root_id and sha256(m.path) = sha256(c.path);

comment on view qsys2.ifs_migration_list is 'The ITL: files and directories that the secondary does not have as they are';
comment on column qsys2.ifs_migration_list.path_name is
    'The path on the source node, whoever is primary; \\ is a backslash, \n a new line, \xNN a byte that is no character';
comment on column qsys2.ifs_migration_list.object_type is
    'As it was when it was last looked at: *STMF, *DIR, *SYMLNK, *FIFO, *CHRSF, *SOCKET, *BLKSF, *UNKNOWN where that '
    'could not be seen, *NONE where nothing was; null: not yet';
comment on column qsys2.ifs_migration_list.tracking_state is
    'READY, MIGRATING, FAILED or INELIGIBLE, which is no type that is carried';
comment on column qsys2.ifs_migration_list.initial_tracking_time is 'When it joined the list';
comment on column qsys2.ifs_migration_list.object_size is
    'Bytes, when it was carried last; null where unknown, and for what is no *STMF';
comment on column qsys2.ifs_migration_list.migration_start_time is
    'When the attempt that is running began; null unless MIGRATING';
comment on column qsys2.ifs_migration_list.failure_job_name is 'Who made the latest attempt that failed';
comment on column qsys2.ifs_migration_list.failure_message is 'Why the latest attempt that failed did so';
comment on column qsys2.ifs_migration_list.pair_name is 'Ours: the pair';
comment on column qsys2.ifs_migration_list.set_aside is
    'Ours: OMITTED is not carried and not waited for, DEFERRED not until somebody has it tried; else null';
comment on column qsys2.ifs_migration_list.set_aside_by is 'Ours: who has set it aside';
comment on column qsys2.ifs_migration_list.set_aside_at is 'Ours: when';
comment on column qsys2.ifs_migration_list.changes is 'Ours: changes that have become this one entry';
comment on column qsys2.ifs_migration_list.walk_reason is
    'Ours: why everything below it is looked at, too; null where only the path itself is';
comment on column qsys2.ifs_migration_list.entry is 'Ours: its number, which mwa entry takes with an f before it';

create view qsys2.migrated_ifs as
select qsys2.path_name(root.source, m.path) as path_name,
       m.object_type,
       m.tracked_at as initial_tracking_time,
       m.started_at as migration_start_time,
       m.ended_at as migration_end_time,
       m.count as successful_migration_count,
       m.size as object_size,
       pair.name as pair_name,
       m.id as entry
from tracking_migratedfile m
join nodes_fileroot root on root.id = m.root_id
join nodes_pair pair on pair.id = root.pair_id;

comment on view qsys2.migrated_ifs is
    'What has been carried since the first copy of its root: one row per path, of its latest success';
comment on column qsys2.migrated_ifs.path_name is
    'The path on the source node, whoever is primary; \\ is a backslash, \n a new line, \xNN a byte that is no character';
comment on column qsys2.migrated_ifs.object_type is
    '*STMF, *DIR, *SYMLNK, *FIFO or *CHRSF; what was removed is what it was, *NONE where neither node had it';
comment on column qsys2.migrated_ifs.initial_tracking_time is
    'When the latest change that was carried joined the list; of what a walk has found, when the walk did';
comment on column qsys2.migrated_ifs.migration_start_time is 'When that success began; of what a walk has found, the walk';
comment on column qsys2.migrated_ifs.migration_end_time is 'When the latest success was complete';
comment on column qsys2.migrated_ifs.successful_migration_count is 'Successes so far; removing it is one';
comment on column qsys2.migrated_ifs.object_size is 'Bytes of a *STMF, when it was carried; else null';
comment on column qsys2.migrated_ifs.pair_name is 'Ours: the pair';
comment on column qsys2.migrated_ifs.entry is 'Ours: its number';
