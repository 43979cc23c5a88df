-- The event triggers that note definition changes on a primary, and the trigger that carries them out on a
-- secondary, between the rows before and the rows after.

create table if not exists mwa.self (node bigint not null, looked_at xid8);
insert into mwa.self (node) select (random() * 9e18)::bigint where not exists (select from mwa.self);

create or replace function mwa.node() returns bigint
    language sql stable set search_path = pg_catalog as $$ select node from mwa.self $$;

create table if not exists mwa.definition_changes (
    origin bigint not null default mwa.node(),
    id bigint generated always as identity,
    at timestamptz not null default clock_timestamp(),
    transaction bigint not null default txid_current(),
    command text not null,
    object_type text,
    class oid,
    object_oid oid,
    table_oid oid,  -- the table that it is, or is a part of
    schema_name text,
    identity text,
    by_role text not null default session_user,
    statements text[],
    path text,    -- the search_path under which a function's body has a meaning
    -- Who restores a dump makes functions before the tables that they name, and has their bodies not looked at.
    check_bodies text default current_setting('check_function_bodies'),
    whole text[],  -- tables whose rows have to be brought anew
    failure text,  -- why it could not be noted
    carried_at timestamptz,
    carry_failure text,  -- on the secondary: the server's message
    carry_sqlstate text,
    primary key (origin, id)
);

create or replace function mwa.indexes_of(relation oid) returns oid[]
    language sql stable set search_path = pg_catalog as $$
    select array(select indexrelid from pg_index where indrelid = relation
                 union all select s from mwa.owned_sequences(relation, 'a') s)
$$;

create or replace function mwa.partition_of(relation oid) returns oid
    language sql stable set search_path = pg_catalog as $$
    select i.inhparent from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhrelid = relation and c.relispartition and c.relkind <> 'i'
$$;

-- Those that a partitioned table has been given or has lost since it was last looked at.
create or replace function mwa.moved_partitions(relation oid) returns table (partition oid)
    language sql stable set search_path = pg_catalog as $$
    select k.object from mwa.known k join pg_class c on c.oid = k.object
    where k.class = 'pg_class'::regclass and k.parent = relation and mwa.partition_of(k.object) is distinct from relation
    union
    select k.object from pg_inherits i join mwa.known k on (k.class, k.object) = ('pg_class'::regclass, i.inhrelid)
    where i.inhparent = relation and k.parent is distinct from mwa.partition_of(k.object)
$$;

-- What an object was like becomes what it is like. Nothing happens where nothing has changed.
create or replace function mwa.learn(class oid, object oid, out statements text[], out renames boolean)
    language plpgsql set search_path = pg_catalog as $$
declare
    was mwa.known;
    is_now record;
    now_facets mwa.facet[];
begin
    statements := '{}';
    renames := false;
    select * into is_now from mwa.identify(class, object);
    if is_now.identity is null then
        return;
    end if;
    -- What was, first: what somebody commits between the two would be taken for undone, and noted so.
    select * into was from mwa.known k where (k.class, k.object) = (learn.class, learn.object);
    now_facets := array(select f from mwa.facets(class, object, is_now.type) f order by f.rank, f.key);
    if was.class is null then
        if now_facets = '{}' then
            return;
        end if;
        statements := mwa.difference('{}', now_facets, is_now.identity);
        insert into mwa.known values (
            class, object, is_now.namespace, is_now.name, mwa.privileges(class, object), mwa.indexes_of(object),
            mwa.partition_of(object), now_facets, mwa.inclusion(mwa.active_criteria(), class, object))
        on conflict do nothing;
        return;
    end if;
    if (was.name, was.namespace) is distinct from (is_now.name, is_now.namespace) then
        statements := mwa.renamed(is_now.type, is_now.identity, was.namespace, was.name, is_now.namespace, is_now.name);
        renames := true;
    end if;
    statements := statements || mwa.difference(mwa.renumbered(was.facets, now_facets), now_facets, is_now.identity);
    if was.facets is distinct from now_facets or renames then
        update mwa.known k
        set namespace = is_now.namespace, name = is_now.name, facets = now_facets,
            privileges = mwa.privileges(learn.class, learn.object), indexes = mwa.indexes_of(learn.object), parent = mwa.partition_of(learn.object)
        where (k.class, k.object) = (learn.class, learn.object);
    end if;
    if now_facets = '{}' then  -- only its privileges were ours to know, and they are what they came as
        delete from mwa.known k where (k.class, k.object) = (learn.class, learn.object);
    end if;
end $$;

-- Everything there is, as it is now; what is gone is forgotten. Returns how many objects there are.
create or replace function mwa.learn_all() returns bigint
    language plpgsql set search_path = pg_catalog as $$
begin
    delete from mwa.known k where not exists (select from mwa.objects() o where (o.class, o.object) = (k.class, k.object));
    perform mwa.learn(o.class, o.object) from mwa.objects() o;
    perform mwa.apply_criteria();
    perform mwa.learn_roles();
    update mwa.self set looked_at = pg_snapshot_xmin(pg_current_snapshot());
    return (select count(*) from mwa.known);
end $$;

-- The object that a part belongs to: what has facets is described as a whole.
create or replace function mwa.whole_object(inout class oid, inout object oid)
    language plpgsql stable set search_path = pg_catalog as $$
declare
    found oid;
begin
    case class
        when 'pg_class'::regclass then
            select i.indrelid into found from pg_index i where i.indexrelid = object
            union all
            select d.refobjid from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
            where d.classid = class and d.objid = object and d.deptype = 'i';
            if not found is null then
                object := found;
            end if;
            select c.reltype into found from pg_class c where c.oid = object and c.relkind = 'c';
            if found is not null then
                class := 'pg_type'::regclass;
                object := found;
            end if;
        when 'pg_type'::regclass then
            object := coalesce((select rngtypid from pg_range where rngmultitypid = object), object);
        when 'pg_constraint'::regclass then
            select case when conrelid <> 0 then 'pg_class'::regclass else 'pg_type'::regclass end, case when conrelid <> 0 then conrelid else contypid end
            into class, object from pg_constraint where oid = object;
        when 'pg_attrdef'::regclass then
            select 'pg_class'::regclass, adrelid into class, object from pg_attrdef where oid = object;
        when 'pg_trigger'::regclass then
            select 'pg_class'::regclass, tgrelid into class, object from pg_trigger where oid = object;
        when 'pg_policy'::regclass then
            select 'pg_class'::regclass, polrelid into class, object from pg_policy where oid = object;
        when 'pg_rewrite'::regclass then
            select 'pg_class'::regclass, ev_class into class, object from pg_rewrite where oid = object;
        when 'pg_publication_rel'::regclass then
            select 'pg_publication'::regclass, prpubid into class, object from pg_publication_rel where oid = object;
        when to_regclass('pg_publication_namespace') then
            select 'pg_publication'::regclass, pnpubid into class, object from pg_publication_namespace where oid = object;
        else null;
    end case;
end $$;

-- One entry of the list, for one object as it is now; none where nothing has changed.
create or replace function mwa.note(command text, class oid, object oid, path text) returns void
    language plpgsql set search_path = pg_catalog as $$
declare
    learned record;
    called record;
    tables oid[];
    was record;
    is_now text;
    free mwa.place[];
begin
    select * into called from mwa.identify(class, object);
    if called.identity is null then
        return;
    end if;
    select k.inclusion, k.name into was from mwa.known k where (k.class, k.object) = (note.class, note.object);
    is_now := mwa.inclusion(mwa.active_criteria(), class, object);
    select * into learned from mwa.learn(class, object);
    if was.inclusion <> is_now then  -- it has another name now, or there are other rules
        update mwa.known k set inclusion = is_now where (k.class, k.object) = (note.class, note.object);
    end if;
    if was.inclusion = 'EXCLUDE' and is_now <> 'EXCLUDE' then  -- the other node has never seen it
        learned.statements := (select mwa.difference('{}', k.facets, called.identity) from mwa.known k
                               where (k.class, k.object) = (note.class, note.object));
    end if;
    if command = 'REFRESH MATERIALIZED VIEW' and is_now = 'INCLUDE' then
        learned.statements := array[format('refresh materialized view %s%s', called.identity, (
            select ' with no data' from pg_class c where c.oid = note.object and not c.relispopulated))];
    end if;
    -- What is granted or reassigned stays with the one table, and those below may have got it by themselves.
    if learned.renames and called.type = 'schema' then  -- its rules are about what is in it, whatever it is called
        insert into mwa.criteria select inclusion, called.name, object_type, object_name from mwa.criteria
        where schema_name = was.name on conflict do nothing;
    end if;
    if learned.renames or called.type = 'operator' or learned.statements <> '{}' and mwa.has_below(class, object)
       and command not in ('GRANT', 'REVOKE', 'REASSIGN OWNED', 'DROP OWNED') then
        perform mwa.learn_around(class, object);
    end if;
    if learned.renames or called.type = 'extension' and learned.statements <> '{}' then
        perform mwa.learn_dependents(class, object);
    end if;
    if called.type = 'table' and command = 'ALTER TABLE' then
        -- The foreign keys that point to a column of another type were made anew.
        perform mwa.note(note.command, note.class, c.conrelid, note.path) from pg_constraint c
        where c.confrelid = note.object and c.contype = 'f' and c.conrelid <> note.object and mwa.rewritten(note.object);
        -- A column's new type makes its statistics objects anew, here as on the other node.
        update mwa.known k set object = s.oid from pg_statistic_ext s
        where k.class = 'pg_statistic_ext'::regclass and (k.namespace, k.name) = (s.stxnamespace, s.stxname)
          and s.stxrelid = note.object and k.object <> s.oid;
        perform mwa.learn(k.class, k.object) from mwa.known k join pg_statistic_ext s on s.oid = k.object
        where k.class = 'pg_statistic_ext'::regclass and s.stxrelid = note.object;
    end if;
    if called.type = 'extension' then
        with taken as (  -- it has taken in what was the application's
            delete from mwa.known k using pg_depend d
            where (d.classid, d.objid, d.refclassid, d.refobjid, d.deptype) = (k.class, k.object, note.class, note.object, 'e')
              and exists (select from unnest(k.facets) f where f.key = '')
            returning k.class, k.object)
        select learned.statements || array_agg(mwa.member(called.identity, 'add', t.class, t.object)) from taken t
        into learned.statements;
        if command = 'ALTER EXTENSION' then
            select array_agg(row(o.class, o.object)::mwa.place) into free from mwa.objects() o  -- or has let go of it
            where not exists (select from mwa.known k where (k.class, k.object) = (o.class, o.object));
            perform mwa.learn(f.class, f.object) from unnest(free) f;
            learned.statements := learned.statements
                || (select array_agg(mwa.member(called.identity, 'drop', f.class, f.object)) from unnest(free) f);
        end if;
        perform mwa.note(note.command, note.class, e.oid, note.path)  -- and may have brought others
        from pg_extension e
        where e.extname <> 'plpgsql' and not exists (select from mwa.known k where (k.class, k.object) = (note.class, e.oid));
    end if;
    if called.type = 'table' then
        perform mwa.note(note.command, note.class, x.partition, note.path) from mwa.moved_partitions(object) x;
    end if;
    if learned.statements = '{}' or current_setting('mwa.quiet', true) = 'on' then
        return;
    end if;
    if is_now = 'EXCLUDE' and coalesce(was.inclusion, 'EXCLUDE') = 'EXCLUDE' then
        return;
    end if;
    if class = 'pg_class'::regclass then
        tables := array(select t from mwa.tree(object) t
                        where learned.renames or t::text = any(string_to_array(current_setting('mwa.rewritten', true), ' '))
                        union  -- whose foreign keys were looked at anew
                        select t from pg_constraint c, mwa.tree(c.conrelid) t
                        where mwa.rewritten(note.object) and c.confrelid = note.object and c.contype = 'f' and age(c.xmin) <= age(pg_current_xact_id()::xid));
    end if;
    insert into mwa.definition_changes
        (command, object_type, class, object_oid, table_oid, schema_name, identity, statements, path, whole)
    select command, called.type, class, object,
           case when called.type in ('table', 'foreign table') then object end,
           called.namespace::regnamespace::text, called.identity, learned.statements, path,
           array(select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                 where c.oid = any(tables) and c.relkind = 'r' and c.relpersistence = 'p' and mwa.is_mirrored(c.oid));
end $$;

create or replace function mwa.member(extension text, verb text, class oid, object oid) returns text
    language sql stable set search_path = pg_catalog as $$
    select format('alter extension %s %s %s %s', extension, verb, mwa.kind(i.type), i.identity) from mwa.identify(class, object) i
$$;

create or replace function mwa.has_below(class oid, object oid) returns boolean
    language sql stable set search_path = pg_catalog as $$
    select class = 'pg_class'::regclass and exists (select from pg_inherits where inhparent = object)
        or class = 'pg_type'::regclass and exists (select from pg_class where reloftype = object)
$$;

-- Descriptions hold names: those of what a renamed schema holds, or what is below a renamed table. And some things
-- change along with others: tables of a type, sequences of a table.
create or replace function mwa.learn_around(class oid, object oid) returns void
    language plpgsql set search_path = pg_catalog as $$
begin
    if class = 'pg_namespace'::regclass then
        perform mwa.learn(k.class, k.object) from mwa.known k where k.namespace = learn_around.object;
    elsif class = 'pg_class'::regclass then
        perform mwa.learn(class, t) from mwa.tree(object) t where t <> object;
        perform mwa.learn(class, s) from mwa.owned_sequences(object, 'a') s;
    elsif class = 'pg_type'::regclass then
        perform mwa.learn('pg_class'::regclass, c.oid) from pg_class c where c.reloftype = learn_around.object;
    elsif class = 'pg_operator'::regclass then
        perform mwa.learn(class, other) from pg_operator o, unnest(array[o.oprcom, o.oprnegate]) other
        where o.oid = learn_around.object and other <> 0;
    end if;
end $$;

-- And those of all that names what has another name now.
create or replace function mwa.learn_dependents(class oid, object oid) returns void
    language plpgsql set search_path = pg_catalog as $$
begin
    perform mwa.learn(k.class, k.object)
    from (
        with recursive around as (
            select learn_dependents.class, learn_dependents.object
            union
            select w.class, w.object
            from around a join pg_depend d on (d.refclassid, d.refobjid) = (a.class, a.object), mwa.whole_object(d.classid, d.objid) w)
        select * from around) a
    join mwa.known k on (k.class, k.object) = (a.class, a.object);
end $$;

-- What a part belonged to that has been dropped; null where that is gone as well.
create or replace function mwa.parent_of(class oid, object oid, part int, names text[], out owner_class oid, out owner oid)
    language plpgsql stable set search_path = pg_catalog as $$
begin
    owner_class := 'pg_class'::regclass;
    if class = 'pg_class'::regclass and part > 0 then
        select w.class, w.object into owner_class, owner from mwa.whole_object(class, object) w;
    elsif class in ('pg_amop'::regclass, 'pg_amproc'::regclass) then
        owner_class := 'pg_opfamily'::regclass;
        select f.oid into owner from pg_opfamily f join pg_am a on a.oid = f.opfmethod
        where (a.amname, f.opfnamespace, f.opfname) = (names[1], to_regnamespace(quote_ident(names[2])), names[3]);
    elsif class = 'pg_class'::regclass then
        select k.object into owner from mwa.known k where k.class = owner_class and parent_of.object = any(k.indexes)
        and exists (select from pg_class c where c.oid = k.object);
    elsif array_length(names, 1) >= 3 then
        owner := to_regclass(format('%I.%I', names[1], names[2]));
    else
        owner_class := 'pg_type'::regclass;
        owner := to_regtype(names[1]);
    end if;
end $$;

-- Whether a dropped thing may be a part of something that is still there; a sequence that a column owns is both.
create or replace function mwa.is_part(type text) returns boolean
    language sql immutable parallel safe set search_path = pg_catalog as $$
    select type ~ ' column$|constraint$' or type in (
        'index', 'sequence', 'trigger', 'rule', 'policy', 'default value', 'operator of access method',
        'function of access method')
$$;

-- What a command has dropped, what depended on it first. What has lost several parts is looked at when all that
-- depended on any of them is gone.
create or replace function mwa.note_dropped(command text, path text) returns void
    language plpgsql set search_path = pg_catalog as $$
declare
    dropped record;
    known record;
    several boolean := (
        select count(*) > 1 from pg_event_trigger_dropped_objects() where (original or normal) and not is_temporary);
    -- A base type and its functions depend on each other: the functions would take the columns of its tables along.
    circle boolean := exists (
        select from pg_event_trigger_dropped_objects() d join mwa.known k on (k.class, k.object) = (d.classid, d.objid),
        unnest(k.facets) f where d.classid = 'pg_type'::regclass and f.key = '' and f.value in ('b', 'r'));
begin
    for dropped in
        with every as (
            select * from pg_event_trigger_dropped_objects() with ordinality d
            where not is_temporary and coalesce(schema_name, '') <> 'mwa'),
        parents as (
            select p.owner_class, p.owner, min(e.ordinality) as ordinality
            from every e, mwa.parent_of(e.classid, e.objid, e.objsubid, e.address_names) p
            where mwa.is_part(e.object_type) and p.owner is not null group by 1, 2)
        select e.*, p.owner_class, p.owner from every e left join parents p using (ordinality)
        order by circle and e.classid = 'pg_proc'::regclass, ordinality desc
    loop
        if dropped.owner is not null then
            perform mwa.note(command, a.other_class, a.other, path) from mwa.affected(dropped.owner_class, dropped.owner) a;
        end if;
        continue when mwa.is_part(dropped.object_type) and dropped.object_type <> 'sequence';
        if dropped.object_type in ('publication relation', 'publication namespace') then
            perform mwa.note(command, 'pg_publication'::regclass, p.oid, path)
            from pg_publication p where p.pubname = dropped.address_args[1];
            continue;
        end if;
        delete from mwa.known k where (k.class, k.object) = (dropped.classid, dropped.objid)
        returning k.inclusion, (select f.unmake from unnest(k.facets) f where f.key = '') as unmake into known;
        continue when not found or known.inclusion = 'EXCLUDE';
        -- All else goes by itself with what it belongs to.
        continue when not (dropped.original or dropped.normal) or current_setting('mwa.quiet', true) = 'on';
        insert into mwa.definition_changes
            (command, object_type, class, object_oid, table_oid, schema_name, identity, statements)
        values (command, dropped.object_type, dropped.classid, dropped.objid,
                case when dropped.object_type = 'table' then dropped.objid end, dropped.schema_name, dropped.object_identity,
                array[case when dropped.object_type in ('user mapping', 'default acl') then format(known.unmake, dropped.object_identity)
                           else format('drop %s if exists %s%s', mwa.kind(dropped.object_type),
                                       case when dropped.object_type <> 'transform' then dropped.object_identity
                                            else format('for %s language %I', dropped.address_names[1], dropped.address_args[1]) end,
                                       case when several then ' cascade' else '' end) end]);
    end loop;
end $$;

-- Objects with a row in a catalog that was written by this transaction or a later one.
create or replace function mwa.written_since(oldest xid8, classes regclass[]) returns table (class oid, object oid)
    language plpgsql stable set search_path = pg_catalog as $$
declare
    catalog regclass;
    part text;
begin
    foreach catalog in array classes loop
        part := case catalog when 'pg_attribute'::regclass then 'attrelid' when 'pg_index'::regclass then 'indrelid' else 'oid' end;
        return query execute format(
            'select distinct w.class, w.object from %s c, mwa.whole_object(%L::regclass::oid, c.%I) w'
            ' where age(c.xmin) <= age($1::xid) and c.xmin::text::bigint > 2',  -- not frozen
            catalog, case when part = 'oid' then catalog else 'pg_class'::regclass end, part) using oldest;
    end loop;
end $$;

-- GRANT and its like do not tell which objects they have changed: those of this transaction whose privileges are
-- not what they were.
create or replace function mwa.note_granted(command text, path text) returns void
    language plpgsql set search_path = pg_catalog as $$
begin
    perform mwa.note(command, w.class, w.object, path)
    from (select distinct * from mwa.written_since(pg_current_xact_id(), array[
              'pg_class', 'pg_attribute', 'pg_proc', 'pg_namespace', 'pg_type', 'pg_language', 'pg_foreign_server',
              'pg_foreign_data_wrapper', 'pg_default_acl']::regclass[])) w
    left join mwa.known k on (k.class, k.object) = (w.class, w.object)
    where k.privileges is distinct from mwa.privileges(w.class, w.object)
      and (k.class is not null or w.class = 'pg_default_acl'::regclass or mwa.comes_along(w.class, w.object));
end $$;

-- Everything: after a command that tells nothing.
create or replace function mwa.sweep(command text, path text) returns void
    language plpgsql set search_path = pg_catalog as $$
begin
    perform mwa.note(command, o.class, o.object, path)
    from (select * from mwa.objects() union select k.class, k.object from mwa.known k) o;
end $$;

-- What no event trigger has seen (REASSIGN OWNED, and whoever switches them off) since the last time.
create or replace function mwa.look_again() returns void
    language plpgsql set search_path = pg_catalog as $$
declare
    oldest xid8 := pg_snapshot_xmin(pg_current_snapshot());
begin
    perform mwa.note('LOOKED AT', w.class, w.object, '')
    from (select looked_at from mwa.self where looked_at is not null) s,
         lateral (select distinct x.* from mwa.written_since(s.looked_at, (
             select array_agg(distinct class::regclass) from mwa.known) || '{pg_attribute,pg_attrdef,pg_index,pg_constraint,pg_trigger,pg_policy,pg_rewrite}') x) w
    where exists (select from mwa.known k where (k.class, k.object) = (w.class, w.object))
       or (w.class, w.object) in (select o.class, o.object from mwa.objects() o);
    update mwa.self set looked_at = oldest;
end $$;

create or replace function mwa.note_command(event text, tag text, path text) returns void
    language plpgsql set search_path = pg_catalog as $$
declare
    command record;
    part record;
begin
    -- Our own sessions do what the other node has, but for carrying a change, which is learned quietly.
    if current_setting('application_name') like 'mwa %' and current_setting('mwa.quiet', true) is distinct from 'on' then
        return;
    end if;
    if event = 'sql_drop' then
        perform mwa.note_dropped(tag, path);
        return;
    end if;
    if tag = 'REASSIGN OWNED' or tag = 'DROP OWNED' then
        perform mwa.sweep(tag, path);
    end if;
    for command in select * from pg_event_trigger_ddl_commands()
        where not in_extension and coalesce(schema_name, '') not in ('pg_temp', 'mwa') loop
        if tag in ('GRANT', 'REVOKE', 'ALTER DEFAULT PRIVILEGES') then
            perform mwa.note_granted(tag, path);
        elsif command.objid is null or command.objid = 0 then
            perform mwa.sweep(tag, path);
        else
            select * into part from mwa.whole_object(command.classid, command.objid);
            -- Not one that CREATE OR REPLACE or a CREATE INDEX only changes.
            if command.command_tag like 'CREATE %' and current_setting('mwa.quiet', true) = 'on' then
                perform mwa.without_default_privileges(x.class, x.object)
                from (values (command.classid, command.objid), (part.class, part.object)) x (class, object)
                where not exists (select from mwa.known k where (k.class, k.object) = (x.class, x.object));
            end if;
            perform mwa.note(command.command_tag, a.other_class, a.other, path) from mwa.affected(part.class, part.object) a;
        end if;
    end loop;
    perform set_config('mwa.rewritten', '', true);
    perform mwa.keep_identities();
end $$;

-- A published table whose rows have no identity lets the application's UPDATE fail. Whoever drops a key gets
-- REPLICA IDENTITY FULL in the same transaction.
create or replace function mwa.keep_identities() returns void
    language plpgsql security definer set search_path = pg_catalog as $$
declare
    bare record;
    quiet text := current_setting('mwa.quiet', true);
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
        perform set_config('mwa.quiet', 'on', true);
        execute format('alter table %s replica identity full', bare.name);
        insert into mwa.changed_outside (object, setting, value_before, undo, table_oid) values (
            bare.name, 'replica identity', bare.before,
            format('alter table %s replica identity %s', bare.name, bare.before), bare.oid);
        perform set_config('mwa.quiet', coalesce(quiet, ''), true);
    end loop;
end $$;

-- An event trigger that raises would make the application's own statement fail: this one catches everything.
-- It has the application's search_path, which is to be noted: every name in it is qualified.
create or replace function mwa.note_definition() returns event_trigger
    language plpgsql security definer as $$
begin
    begin
        perform mwa.note_command(tg_event, tg_tag, pg_catalog.current_setting('search_path'));
    exception when others then
        insert into mwa.definition_changes (command, failure) values (tg_tag, sqlerrm);
    end;
exception when others then
    raise log 'mwa could not note a definition change (%): %', tg_tag, sqlerrm;
end $$;

-- PostgreSQL refuses to make a published table unlogged: the application's own statement would fail because of us.
-- Which tables it is about is not known before it has begun, so all that it may be about leave the stream: those
-- that stay logged join again. What a function of the application's executes is not seen.
create or replace function mwa.before_unlogged() returns event_trigger
    language plpgsql security definer set search_path = pg_catalog as $$
declare
    said text := lower(current_query());
    quiet text := current_setting('mwa.quiet', true);
    published record;
begin
    if said !~ '\mset\s+unlogged\M' then
        return;
    end if;
    perform set_config('mwa.quiet', 'on', true);
    for published in
        select r.prrelid::regclass::text as name
        from pg_publication p join pg_publication_rel r on r.prpubid = p.oid join pg_class c on c.oid = r.prrelid
        where p.pubname = 'mwa' and c.relnamespace <> 'mwa'::regnamespace and strpos(said, lower(c.relname)) > 0
    loop
        execute format('alter publication mwa drop table only %s', published.name);
    end loop;
    perform set_config('mwa.quiet', coalesce(quiet, ''), true);
exception when others then
    raise log 'mwa could not take a table out of the stream: %', sqlerrm;
end $$;

-- Rows that a command writes anew are not in the stream.
create or replace function mwa.note_rewrite() returns event_trigger
    language plpgsql security definer set search_path = pg_catalog as $$
begin
    if pg_event_trigger_table_rewrite_reason() & 6 <> 0 then  -- a default, a type
        perform set_config('mwa.rewritten', concat_ws(' ', nullif(current_setting('mwa.rewritten', true), ''),
                                                      pg_event_trigger_table_rewrite_oid()), true);
    end if;
exception when others then
    raise log 'mwa could not note a rewritten table: %', sqlerrm;
end $$;

-- Carry a change out, all of it or nothing; returns why it could not be done. What may work the next time (a lock,
-- a full disk) is raised.
create or replace function mwa.carry_out(
    change mwa.definition_changes, out failure text, out state text
)
    language plpgsql set search_path = pg_catalog as $$
declare
    statement text;
begin
    perform set_config('mwa.quiet', 'on', true);
    if change.object_type in ('function', 'procedure') and change.path <> '' then
        perform set_config('search_path', change.path, true);
        perform set_config('check_function_bodies', coalesce(change.check_bodies, 'on'), true);
    end if;
    begin
        foreach statement in array coalesce(change.statements, '{}') loop
            execute statement;
        end loop;
    exception
        when lock_not_available or transaction_rollback or insufficient_resources or operator_intervention then
            raise;
        when others then
            get stacked diagnostics failure = message_text, state = returned_sqlstate;
            failure := format('%s (%s)', failure, statement);
            raise log 'mwa could not carry a definition change: %', failure;
    end;
    perform set_config('mwa.quiet', '', true);
end $$;

-- Try once more what could not be carried out.
create or replace function mwa.carry_again(origin bigint, id bigint) returns void
    language plpgsql set search_path = pg_catalog as $$
declare
    change mwa.definition_changes;
    found record;
begin
    select * into change from mwa.definition_changes d where (d.origin, d.id) = (carry_again.origin, carry_again.id);
    select * into found from mwa.carry_out(change);
    update mwa.definition_changes d
    set carry_failure = found.failure, carry_sqlstate = found.state, carried_at = clock_timestamp()
    where (d.origin, d.id) = (carry_again.origin, carry_again.id);
end $$;

-- On a secondary: a change is carried out when its row arrives. What fails is written down and stops nobody.
create or replace function mwa.carry() returns trigger
    language plpgsql set search_path = pg_catalog as $$
begin
    if new.origin <> mwa.node() and new.carried_at is null then
        new.carried_at := clock_timestamp();
        select * into new.carry_failure, new.carry_sqlstate from mwa.carry_out(new);
    end if;
    return new;
end $$;

drop trigger if exists mwa_carry on mwa.definition_changes;
create trigger mwa_carry before insert on mwa.definition_changes for each row execute function mwa.carry();
alter table mwa.definition_changes enable replica trigger mwa_carry;

drop event trigger if exists mwa_definition;
create event trigger mwa_definition on ddl_command_end execute function mwa.note_definition();
drop event trigger if exists mwa_unlogged;
create event trigger mwa_unlogged on ddl_command_start when tag in ('ALTER TABLE') execute function mwa.before_unlogged();
drop event trigger if exists mwa_drop;
create event trigger mwa_drop on sql_drop execute function mwa.note_definition();
drop event trigger if exists mwa_rewrite;
create event trigger mwa_rewrite on table_rewrite execute function mwa.note_rewrite();
-- Also on a node whose applications run as a replica role (a subscriber of somebody else).
alter event trigger mwa_definition enable always;
alter event trigger mwa_drop enable always;
alter event trigger mwa_unlogged enable always;
alter event trigger mwa_rewrite enable always;
