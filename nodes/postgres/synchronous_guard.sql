-- A session of the primary that keeps its commits going when the secondary does not answer, whoever else is
-- dead. It ends when the standby's name has left the setting. Each turn is a transaction of its own, so no
-- old snapshot is held.
do $$
declare
    flushed pg_lsn;
    before pg_lsn;
    given_up boolean := false;
    moved_at timestamptz := clock_timestamp();
begin
    loop
        perform pg_sleep(case when given_up then 0 else 0.2 end);
        perform pg_stat_clear_snapshot();
        exit when not exists (
            select from pg_file_settings
            where name = 'synchronous_standby_names' and position({listed} in setting) > 0);
        select max(r.flush_lsn) into flushed from pg_stat_replication r where r.application_name = {standby};
        -- What waits although the secondary has it all waits for a standby of somebody else's.
        if flushed is distinct from before or not given_up and (
                flushed >= pg_current_wal_flush_lsn()
                or not exists (select from pg_stat_activity where wait_event = 'SyncRep')) then
            given_up := false;
            moved_at := clock_timestamp();
        end if;
        before := flushed;
        if clock_timestamp() - moved_at > make_interval(secs => {seconds}) then
            given_up := true;
            -- The transaction is committed on the primary; only its wait is ended (with a warning).
            -- From then on nobody waits longer than some milliseconds, until the secondary answers again.
            for look in 1..20 loop
                perform pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep';
                perform pg_sleep(0.01);
                perform pg_stat_clear_snapshot();
            end loop;
        end if;
        commit;
    end loop;
end $$
