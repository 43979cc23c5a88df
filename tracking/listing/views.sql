-- The lists as their pages read them: a view per list with the key of its owner, what it is filtered by
-- exactly, and what it is sorted by; and an index for each sort. All beside a view's rows is in the index, so
-- that a page is read from it from any entry on. Names are sorted and found by their bytes, without regard to
-- case, and by their first 200 characters: more does not fit into an index.
create function tracking_name(name text) returns text language sql immutable strict parallel safe
return left(lower(translate(name, '"', '')), 200);
-- An identity without its schema.
create function tracking_bare(schema_name text, identity text) returns text
language sql immutable strict parallel safe
return public.tracking_name(case
    when schema_name > '' and starts_with(identity, quote_ident(schema_name) || '.')
    then substr(identity, length(quote_ident(schema_name)) + 2) else identity end);
create function tracking_whole(schema_name text, identity text) returns text
language sql immutable strict parallel safe
return public.tracking_name(case
    when schema_name > '' then schema_name || '.' || public.tracking_bare(schema_name, identity)
    else identity end);
-- The last part of a path; what is not ASCII is written by its bytes.
create function tracking_last(path bytea) returns text language sql immutable strict parallel safe
return left(lower(split_part(encode(path, 'escape'), '/', -1)), 200);

create view tracking_list_tables as
select id, pool_id as owner, sheet, changes as most, first_tracked_at as oldest,
       tracking_name(schema_name || '.' || table_name) collate "C" as name,
       tracking_name(table_name) collate "C" as bare
from tracking_trackedtable where changes > 0 or whole_reason > '';
create index listed_tables_most on tracking_trackedtable (pool_id, sheet, changes, id)
    where changes > 0 or whole_reason > '';
create index listed_tables_oldest on tracking_trackedtable (pool_id, sheet, first_tracked_at, id)
    where changes > 0 or whole_reason > '';
create index listed_tables_name on tracking_trackedtable
    (pool_id, sheet, tracking_name(schema_name || '.' || table_name) collate "C", id)
    where changes > 0 or whole_reason > '';
create index listed_tables_bare on tracking_trackedtable
    (pool_id, sheet, tracking_name(table_name) collate "C", id)
    where changes > 0 or whole_reason > '';

create view tracking_list_definitions as
select id, pool_id as owner, state, case when done_at is null then set_aside else 'DONE' end as set_aside,
       object_type, tracked_at as recent, tracking_whole(schema_name, identity) collate "C" as name,
       tracking_bare(schema_name, identity) collate "C" as bare
from tracking_definitionentry;
create index listed_definitions on tracking_definitionentry
    (pool_id, state, (case when done_at is null then set_aside else 'DONE' end), object_type, tracked_at,
     id);
create index listed_definitions_name on tracking_definitionentry
    (pool_id, state, (case when done_at is null then set_aside else 'DONE' end), object_type,
     tracking_whole(schema_name, identity) collate "C", id);
create index listed_definitions_bare on tracking_definitionentry
    (pool_id, state, (case when done_at is null then set_aside else 'DONE' end), object_type,
     tracking_bare(schema_name, identity) collate "C", id);

create view tracking_list_objects as
select id, pool_id as owner, state, case when done_at is null then set_aside else 'DONE' end as set_aside,
       object_type, tracked_at as recent,
       tracking_name(case when library > '' then library || '.' || name else name end) collate "C" as name,
       tracking_name(name) collate "C" as bare
from tracking_otherobject;
create index listed_objects on tracking_otherobject
    (pool_id, state, (case when done_at is null then set_aside else 'DONE' end), object_type, tracked_at,
     id);
create index listed_objects_name on tracking_otherobject
    (pool_id, state, (case when done_at is null then set_aside else 'DONE' end), object_type,
     tracking_name(case when library > '' then library || '.' || name else name end) collate "C", id);
create index listed_objects_bare on tracking_otherobject
    (pool_id, state, (case when done_at is null then set_aside else 'DONE' end), object_type,
     tracking_name(name) collate "C", id);

-- The index of beginnings, which the tracker needs, also serves those who look for a directory.
create view tracking_list_paths as
select id, root_id as owner, state, set_aside, object_type, turn as oldest,
       substring(path from 1 for 1000) as name, tracking_last(path) collate "C" as bare
from tracking_filechange;
create index listed_paths on tracking_filechange (root_id, state, set_aside, object_type, turn, id);
create index listed_paths_bare on tracking_filechange
    (root_id, state, set_aside, object_type, tracking_last(path) collate "C", id);

create view tracking_list_migrated as
select id, pool_id as owner, object_type, ended_at as recent,
       tracking_whole(schema_name, identity) collate "C" as name,
       tracking_bare(schema_name, identity) collate "C" as bare
from tracking_migratedobject;
create index listed_migrated on tracking_migratedobject (pool_id, object_type, ended_at, id);
create index listed_migrated_name on tracking_migratedobject
    (pool_id, object_type, tracking_whole(schema_name, identity) collate "C", id);
create index listed_migrated_bare on tracking_migratedobject
    (pool_id, object_type, tracking_bare(schema_name, identity) collate "C", id);

create view tracking_list_migratedfiles as
select id, root_id as owner, object_type, turn as recent, substring(path from 1 for 1000) as name,
       tracking_last(path) collate "C" as bare
from tracking_migratedfile;
create index listed_migratedfiles on tracking_migratedfile (root_id, object_type, turn, id);
create index listed_migratedfiles_name on tracking_migratedfile
    (root_id, object_type, substring(path from 1 for 1000), id);
create index listed_migratedfiles_bare on tracking_migratedfile
    (root_id, object_type, tracking_last(path) collate "C", id);

create view tracking_list_attempts as
select id, pool_id as owner, outcome, object_type, ended_at as recent,
       tracking_whole(schema_name, identity) collate "C" as name,
       tracking_bare(schema_name, identity) collate "C" as bare
from tracking_attempt;
create index listed_attempts on tracking_attempt (pool_id, outcome, object_type, ended_at, id);
create index listed_attempts_name on tracking_attempt
    (pool_id, outcome, object_type, tracking_whole(schema_name, identity) collate "C", id);
create index listed_attempts_bare on tracking_attempt
    (pool_id, outcome, object_type, tracking_bare(schema_name, identity) collate "C", id);

create view tracking_list_journal as
select id, pair_name as owner, entry_type, state, name as entry, at as recent from tracking_journalentry;
create index listed_journal on tracking_journalentry (pair_name, entry_type, state, name, at, id);
