-- Who may do what, and what is granted on objects to come.

-- What is granted, a facet for each grantee (and each grantor but the owner) whose privileges are not the standard ones.
create or replace function mwa.grant_facets(
    privileges aclitem[], standard aclitem[], owner oid, what text, first_rank int,
    prefix text default '', columns text default '', context text default ''
) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    if privileges is null or privileges::text = standard::text then
        return;
    end if;
    return query
    with recursive
    had as (select * from aclexplode(privileges)),
    usual as (select * from aclexplode(standard)),
    -- Whoever grants on has to have been granted it first.
    depth (role, level) as (
        select owner, 0 union
        select h.grantee, d.level + 1 from depth d join had h on h.grantor = d.role
        where h.is_grantable and h.grantee <> owner and d.level < 9),
    worded as (
        select h.grantor, h.grantee, h.is_grantable, true as now,
               string_agg(h.privilege_type, ', ' order by h.privilege_type) as words,
               string_agg(h.privilege_type || columns, ', ' order by h.privilege_type) as long
        from had h group by 1, 2, 3
        union all
        select u.grantor, u.grantee, u.is_grantable, false,
               string_agg(u.privilege_type, ', ' order by u.privilege_type),
               case when u.grantee = owner then 'all'  -- a newer server knows more of them
                    else string_agg(u.privilege_type, ', ' order by u.privilege_type) end
        from usual u group by 1, 2, 3),
    named as (
        select *, case when grantee = 0 then 'public' else grantee::regrole::text end as called from worded),
    written as (
        select n.grantor, n.grantee, n.called, n.now,
               string_agg(n.words || case when n.is_grantable then '*' else '' end, '; ' order by n.is_grantable) as value,
               string_agg(format('%sgrant %s on %s to %s%s', prefix, n.long, what, n.called,
                                 case when n.is_grantable and n.grantee <> 0 then ' with grant option' else '' end),
                          '; ' order by n.is_grantable) as words
        from named n group by 1, 2, 3, 4),
    differing as (
        select coalesce(n.grantor, u.grantor) as grantor, coalesce(n.grantee, u.grantee) as grantee,
               coalesce(n.called, u.called) as called, n.value, n.words, u.words as usual_words
        from (select * from written where now) n
        full join (select * from written where not now) u on (u.grantor, u.grantee) = (n.grantor, n.grantee)
        where n.value is distinct from u.value),
    statements as (
        select d.*, d.grantor <> owner as by_other,
               format('%srevoke all%s on %s from %s cascade', prefix, columns, what, d.called) as revoke,
               case when d.grantor <> owner then format('set local role %s; ', d.grantor::regrole) else '' end as become,
               case when d.grantor <> owner then '; reset role' else '' end as unbecome
        from differing d)
    select first_rank + coalesce((select max(level) from depth where role = s.grantor), 0),
           format('grant %s%s', s.grantee, case when by_other then ' by ' || s.grantor end), null::text,
           -- What another role has granted goes with that role's own privilege, and comes anew with it.
           concat(s.value, context, case when by_other then (
               select string_agg(format(' %s %s %s %s', h.grantor, h.grantee, h.privilege_type, h.is_grantable), ''
                                 order by h.grantor, h.grantee, h.privilege_type)
               from had h) end),
           become || concat_ws('; ', case when usual_words is not null or words is null then revoke end, words) || unbecome,
           mwa.plain(become || concat_ws('; ', revoke, words) || unbecome),
           mwa.plain(become || concat_ws('; ', revoke, usual_words) || unbecome)
    from statements s;
end $$;

-- What is granted on an object, whose it is, and the letter that acldefault() has for its kind.
create or replace function mwa.privileges_of(class oid, object oid, out held aclitem[], out owner oid, out type "char")
    language plpgsql stable set search_path = pg_catalog as $$
begin
    case class
        when 'pg_class'::regclass then
            select relacl, relowner, case relkind when 'S' then 's' else 'r' end
            into held, owner, type from pg_class where oid = object;
        when 'pg_proc'::regclass then select proacl, proowner, 'f' into held, owner, type from pg_proc where oid = object;
        when 'pg_namespace'::regclass then select nspacl, nspowner, 'n' into held, owner, type from pg_namespace where oid = object;
        when 'pg_type'::regclass then select typacl, typowner, 'T' into held, owner, type from pg_type where oid = object;
        when 'pg_language'::regclass then select lanacl, lanowner, 'l' into held, owner, type from pg_language where oid = object;
        when 'pg_foreign_server'::regclass then
            select srvacl, srvowner, 'S' into held, owner, type from pg_foreign_server where oid = object;
        when 'pg_foreign_data_wrapper'::regclass then
            select fdwacl, fdwowner, 'F' into held, owner, type from pg_foreign_data_wrapper where oid = object;
        else null;
    end case;
end $$;

-- What comes with the server or an extension: only a privilege on it can be the application's.
create or replace function mwa.comes_along(class oid, object oid) returns boolean
    language sql stable set search_path = pg_catalog as $$
    select object < 16384 and (class, object) <> ('pg_namespace'::regclass, 2200)  -- public, whatever it is called now
        or exists (select from pg_depend d where (d.classid, d.objid, d.deptype) = (class, object, 'e'))
$$;

-- What roles were called when they were last looked at: no event trigger tells of another name.
create table if not exists mwa.role_names (role oid primary key, name text not null);

create or replace function mwa.learn_roles() returns void
    language sql set search_path = pg_catalog as $$
    delete from mwa.role_names where role not in (select oid from pg_roles);
    insert into mwa.role_names select oid, rolname from pg_roles
    on conflict (role) do update set name = excluded.name where role_names.name <> excluded.name
$$;

-- Such objects whose privileges are not what they came with.
create or replace function mwa.opened_objects() returns table (class oid, object oid)
    language sql stable set search_path = pg_catalog as $$
    with every (class, object, privileges) as (
        select 'pg_proc'::regclass, oid, proacl from pg_proc where proacl is not null
        union all select 'pg_class'::regclass, oid, relacl from pg_class where relacl is not null
        union all select 'pg_class'::regclass, attrelid, attacl from pg_attribute where attacl is not null
        union all select 'pg_type'::regclass, oid, typacl from pg_type where typacl is not null
        union all select 'pg_namespace'::regclass, oid, nspacl from pg_namespace where nspacl is not null and nspname <> 'mwa'
        union all select 'pg_language'::regclass, oid, lanacl from pg_language where lanacl is not null
        union all select 'pg_foreign_data_wrapper'::regclass, oid, fdwacl from pg_foreign_data_wrapper where fdwacl is not null
        union all select 'pg_foreign_server'::regclass, oid, srvacl from pg_foreign_server where srvacl is not null)
    select distinct e.class, e.object
    from every e
    left join pg_init_privs i on (i.classoid, i.objoid, i.objsubid) = (e.class, e.object, 0)
    where e.privileges::text is distinct from i.initprivs::text and mwa.comes_along(e.class, e.object)
      and exists (select from mwa.came_along_facets(e.class, e.object))
$$;

create or replace function mwa.came_along_facets(class oid, object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
declare
    has record;
    called record;
begin
    select * into has from mwa.privileges_of(class, object);
    select * into called from mwa.identify(class, object);
    return query select f.* from mwa.grant_facets(
        coalesce(has.held, acldefault(has.type, has.owner)),
        coalesce((select initprivs from pg_init_privs i where (i.classoid, i.objoid, i.objsubid) = (class, object, 0)),
                 acldefault(has.type, has.owner)),
        has.owner, format('%s %s', mwa.granted_on(mwa.kind(called.type)), called.identity), 830) f
    where has.owner is not null
    union all
    select f.rank, format('column %s %s', a.attnum, f.key), f.parent, f.value, f.make, f.change, f.unmake
    from pg_attribute a, mwa.grant_facets(
        a.attacl, (select initprivs from pg_init_privs i where (i.classoid, i.objoid, i.objsubid) = (class, object, a.attnum)),
        has.owner, called.identity, 840 + a.attnum, '', format(' (%I)', a.attname)) f
    where class = 'pg_class'::regclass and a.attrelid = object and a.attacl is not null;
end $$;

-- What the one who carries a change out has set for objects of its own is not for those of others.
create or replace function mwa.without_default_privileges(class oid, object oid) returns void
    language plpgsql set search_path = pg_catalog as $$
declare
    has record;
    called record;
    statement text;
begin
    select * into has from mwa.privileges_of(class, object);
    if has.held is null then
        return;
    end if;
    select * into called from mwa.identify(class, object);
    for statement in
        select format(f.unmake, called.identity)
        from mwa.grant_facets(has.held, acldefault(has.type, has.owner), has.owner,
                              format('%s %s', mwa.granted_on(mwa.kind(called.type)), called.identity), 0) f
    loop
        execute statement;
    end loop;
end $$;

create or replace function mwa.default_privileges_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
declare
    facets mwa.facet[];
begin
    select array(
        select f from mwa.grant_facets(
            d.defaclacl,
            -- One for a schema only adds to what is granted anyway.
            case when d.defaclnamespace = 0 then acldefault(kind, d.defaclrole) end,
            d.defaclrole,
            case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types'
                when 'n' then 'schemas' else 'large objects' end,
            830,
            format('alter default privileges for role %s ', d.defaclrole::regrole)
            || case when d.defaclnamespace <> 0 then format('in schema %s ', d.defaclnamespace::regnamespace) else '' end) f)
    into facets
    from pg_default_acl d, lateral (select case d.defaclobjtype when 'S' then 's' else d.defaclobjtype end as kind) k
    where d.oid = object;
    if not found then
        return;
    end if;
    return query
    -- The row itself goes when everything is as it would be without it.
    select 0, '', null::text, '', null::text, null::text, coalesce((select string_agg(f.unmake, '; ') from unnest(facets) f), 'select')
    union all
    select f.* from unnest(facets) f;
end $$;
