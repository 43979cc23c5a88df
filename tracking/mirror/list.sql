-- The object tracking list (OTL) of rows. A sheet is a generation of the list: a new one is begun before
-- a snapshot is taken, and the old ones are torn off once what stands on them is on the copy.
create table tracking_trackedtable (
    id bigint generated always as identity primary key,
    pool_id bigint not null,
    sheet integer not null,
    schema_name text not null,
    table_name text not null,
    key_columns text[] not null,      -- in the order of the values in tracking_trackedkey.key
    whole_reason text not null default '',  -- not empty: rows are not listed, the table goes whole
    changes bigint not null default 0,
    keys bigint not null default 0,
    first_tracked_at timestamptz not null default now(),
    unique (pool_id, sheet, schema_name, table_name)
);
create table tracking_trackedkey (
    table_id bigint not null,
    key text not null                 -- a text array literal of the key's values
);
create index tracking_trackedkey_table on tracking_trackedkey (table_id);
create table tracking_capturedposition (
    pool_id bigint primary key,
    position pg_lsn not null,         -- every change before it is on the list
    sheet integer not null,           -- the one that is being written
    changes bigint not null default 0,
    at timestamptz not null default now()
);
