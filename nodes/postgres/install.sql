-- What a node holds for us while it is part of a pair: all of it in schema mwa, but for the event triggers.
create schema if not exists mwa;
revoke all on schema mwa from public;

create table if not exists mwa.definition_changes (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    transaction bigint not null default txid_current(),
    command text not null,
    object_type text,
    object_oid oid,
    table_oid oid,  -- the table that it is, or is a part of
    schema_name text,
    identity text,
    by_role text not null default session_user,
    failure text
);

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

-- A published table whose rows have no identity lets the application's UPDATE fail. Whoever drops a key gets
-- REPLICA IDENTITY FULL in the same transaction.
create or replace function mwa.keep_identities() returns void
    language plpgsql security definer set search_path = pg_catalog as $$
declare
    bare record;
begin
    for bare in
        select c.oid, c.oid::regclass::text as name,
               case c.relreplident when 'n' then 'nothing' else 'default' end as before
        from pg_publication p
        join pg_publication_rel r on r.prpubid = p.oid
        join pg_class c on c.oid = r.prrelid
        where p.pubname = 'mwa' and c.relreplident <> 'f'
          and not exists (
              select from pg_index i where i.indrelid = c.oid and i.indisvalid and i.indimmediate
              and case c.relreplident when 'i' then i.indisreplident when 'd' then i.indisprimary end)
    loop
        execute format('alter table %s replica identity full', bare.name);
        insert into mwa.changed_outside (object, setting, value_before, undo, table_oid) values (
            bare.name, 'replica identity', bare.before,
            format('alter table %s replica identity %s', bare.name, bare.before), bare.oid);
    end loop;
end $$;

-- The table that an object is, or is a part of: an index, a column's own sequence, a constraint, a trigger.
create or replace function mwa.table_of(class oid, object oid) returns oid
    language sql stable set search_path = pg_catalog as $$
    select case class
        when 'pg_class'::regclass then (
            select case c.relkind
                when 'r' then c.oid when 'p' then c.oid
                when 'i' then (select i.indrelid from pg_index i where i.indexrelid = c.oid)
                when 'I' then (select i.indrelid from pg_index i where i.indexrelid = c.oid)
                when 'S' then (select d.refobjid from pg_depend d where d.classid = class and d.objid = c.oid
                               and d.refclassid = class and d.deptype in ('a', 'i') limit 1) end
            from pg_class c where c.oid = object)
        when 'pg_constraint'::regclass then (select nullif(conrelid, 0) from pg_constraint where oid = object)
        when 'pg_trigger'::regclass then (select tgrelid from pg_trigger where oid = object)
        when 'pg_policy'::regclass then (select polrelid from pg_policy where oid = object) end
$$;

-- An event trigger that raises would make the application's own statement fail: this one catches everything.
create or replace function mwa.note_definition() returns event_trigger
    language plpgsql security definer set search_path = pg_catalog as $$
begin
    if current_setting('application_name') like 'mwa %' then
        return;
    end if;
    begin
        if tg_event = 'sql_drop' then
            insert into mwa.definition_changes
                (command, object_type, object_oid, table_oid, schema_name, identity)
            select tg_tag, object_type, objid, case when classid = 'pg_class'::regclass then objid end,
                   schema_name, object_identity
            from pg_event_trigger_dropped_objects()
            where original and not is_temporary and coalesce(schema_name, '') <> 'mwa';
        else
            insert into mwa.definition_changes
                (command, object_type, object_oid, table_oid, schema_name, identity)
            select command_tag, object_type, objid, mwa.table_of(classid, objid), schema_name, object_identity
            from pg_event_trigger_ddl_commands()
            where not in_extension and coalesce(schema_name, '') not in ('pg_temp', 'mwa')
              and command_tag <> 'REFRESH MATERIALIZED VIEW';
        end if;
        perform mwa.keep_identities();
    exception when others then
        insert into mwa.definition_changes (command, failure) values (tg_tag, sqlerrm);
    end;
exception when others then
    raise log 'mwa could not note a definition change (%): %', tg_tag, sqlerrm;
end $$;

drop event trigger if exists mwa_definition;
create event trigger mwa_definition on ddl_command_end execute function mwa.note_definition();
drop event trigger if exists mwa_drop;
create event trigger mwa_drop on sql_drop execute function mwa.note_definition();
-- Also on a node whose applications run as a replica role (a subscriber of somebody else).
alter event trigger mwa_definition enable always;
alter event trigger mwa_drop enable always;
