-- What the models cannot say. The lists go with their pool, and the journal only ever grows.

alter table tracking_trackedtable
    add foreign key (pool_id) references nodes_storagepool on delete cascade deferrable initially deferred;
alter table tracking_capturedposition
    add foreign key (pool_id) references nodes_storagepool on delete cascade deferrable initially deferred;

-- No foreign key on the keys: it would be checked for every one of 200,000 a second.
create function tracking_forget_keys() returns trigger language plpgsql as $$
begin
    delete from public.tracking_trackedkey where table_id in (select id from gone);
    return null;
end $$;
create trigger forget_keys after delete on tracking_trackedtable
    referencing old table as gone for each statement execute function tracking_forget_keys();

create function tracking_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the journal is append-only: % on % refused', tg_op, tg_table_name
        using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete or truncate on tracking_journalentry
    for each statement execute function tracking_refuse_change();
