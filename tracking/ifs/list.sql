-- The IFS tracking list (ITL): paths that are owed to the copy, at most one row per path of a root.
create table tracking_filechange (
    id bigint generated always as identity primary key,
    root_id bigint not null,
    turn bigint not null,                      -- the order in which they are handed out
    path bytea not null,                       -- relative to the root; empty: the root itself
    walk boolean not null default false,       -- everything below it, too
    content boolean not null default false,    -- its data may have changed, whatever size and times say
    moved_from bytea,                          -- the copy has it there, as it was before `content`
    reason text not null default '',           -- why it is walked
    changes bigint not null default 0,
    version bigint not null default 1,         -- counts what has been listed of it
    taken_version bigint,                      -- the version that was handed out; null: none
    tries integer not null default 0,
    not_before timestamptz not null default '-infinity',
    first_tracked_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    state text not null default 'READY',       -- READY, MIGRATING, FAILED, INELIGIBLE
    object_type text not null default '',      -- as it was when it was last looked at; empty: not yet
    started_at timestamptz,                    -- of the attempt that is under way
    failure text not null default '',          -- why the latest attempt has failed
    failure_job text not null default '',      -- who made it
    set_aside text not null default '',        -- OMITTED, DEFERRED
    set_aside_at timestamptz,
    set_aside_by text not null default '',
    check (started_at is null or state = 'MIGRATING')
);
-- A path can be longer than what fits into an index.
create unique index tracking_filechange_path on tracking_filechange (root_id, sha256(path));
create index tracking_filechange_below on tracking_filechange (root_id, substring(path from 1 for 1000));
create index tracking_filechange_turn on tracking_filechange (root_id, turn) where taken_version is null;
-- What has been carried, with the latest success. Its turn, and not a clock, says what came later.
create sequence tracking_migratedfile_turn;
create table tracking_migratedfile (
    id bigint generated always as identity primary key,
    root_id bigint not null,
    turn bigint not null default nextval('tracking_migratedfile_turn'),
    path bytea not null,
    object_type text not null,
    tracked_at timestamptz not null,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    size bigint,
    count integer not null default 1
);
create unique index tracking_migratedfile_path on tracking_migratedfile (root_id, sha256(path));
create index tracking_migratedfile_turns on tracking_migratedfile (root_id, turn);
alter sequence tracking_migratedfile_turn owned by tracking_migratedfile.turn;
-- Who watches a root: the list is complete up to `listed_at` only for the run that says so.
create table tracking_filewatch (
    root_id bigint primary key,
    run text not null,                         -- a new one for each start of the tracker
    way text not null,                         -- inotify, fanotify
    state text not null,                       -- STARTING, WATCHING, FAILED
    reason text not null default '',
    directories bigint not null default 0,
    unwatched bigint not null default 0,       -- parts that cannot be watched: they are walked again and again
    listed_at timestamptz not null default clock_timestamp()
);
