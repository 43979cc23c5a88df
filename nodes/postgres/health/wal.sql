-- The log's directory and its limits in bytes; no limit for slots is null.
select coalesce((select sum(size) from pg_ls_waldir()), 0)::bigint as bytes,
       (select pg_size_bytes(setting || unit) from pg_settings where name = 'max_wal_size') as checkpoint_bytes,
       (select pg_size_bytes(setting || unit) from pg_settings where name = 'wal_keep_size') as kept_bytes,
       (select case when setting <> '-1' then pg_size_bytes(setting || unit) end
        from pg_settings where name = 'max_slot_wal_keep_size') as slot_limit_bytes
