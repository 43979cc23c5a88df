-- What a node holds for us while it is part of a pair: all of it in schema mwa, but for the event triggers.
create schema if not exists mwa;
revoke all on schema mwa from public;

-- Everything changed outside schema mwa, with the statement that takes it back. A replica identity goes back to
-- the table that it was taken from, whatever that is called now; a standby's name goes out, whoever else is in.
create table if not exists mwa.changed_outside (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    object text not null,
    setting text not null,
    value_before text not null,
    undo text not null,
    table_oid oid
);
