-- Operators, operator families and classes.

create or replace function mwa.operator_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select o.*, o.oid::regoperator::text as name, current_setting('server_version_num')::int >= 170000 as all_changes
        from pg_operator o
        where o.oid = object and o.oprcode <> 0)  -- not a mere name that another operator's commutator or negator will have
    select 0, '', null, 'operator',
           format('create operator %I.%s (%s)', n.nspname, oprname, concat_ws(', ',
               'function = ' || mwa.function_name(oprcode),
               'leftarg = ' || format_type(nullif(oprleft, 0), null),
               'rightarg = ' || format_type(nullif(oprright, 0), null),
               'commutator = ' || mwa.operator_name(oprcom),
               'negator = ' || mwa.operator_name(oprnegate),
               'restrict = ' || mwa.function_name(oprrest),
               'join = ' || mwa.function_name(oprjoin),
               case when oprcanhash then 'hashes' end,
               case when oprcanmerge then 'merges' end)),
           null, 'drop operator if exists %1$s'
    from this join pg_namespace n on n.oid = oprnamespace
    union all
    select 10, 'restrict', '', oprrest::oid::text, null,
           mwa.plain(format('alter operator %s set (restrict = %s)', name, coalesce(mwa.function_name(oprrest), 'none'))), null
    from this
    union all
    select 10, 'join', '', oprjoin::oid::text, null,
           mwa.plain(format('alter operator %s set (join = %s)', name, coalesce(mwa.function_name(oprjoin), 'none'))), null
    from this
    union all
    -- Once there these stay as they are. Before version 17 they only come later when the other operator names this one.
    select 10, 'commutator', null, oprcom::text, null,
           case when all_changes then
               mwa.plain(format('alter operator %s set (commutator = %s)', name, mwa.operator_name(oprcom))) end, null
    from this
    union all
    select 10, 'negator', null, oprnegate::text, null,
           case when all_changes then
               mwa.plain(format('alter operator %s set (negator = %s)', name, mwa.operator_name(oprnegate))) end, null
    from this
    union all
    select 10, 'hashes', null, oprcanhash::text, null,
           case when all_changes then mwa.plain(format('alter operator %s set (hashes)', name)) end, null
    from this
    union all
    select 10, 'merges', null, oprcanmerge::text, null,
           case when all_changes then mwa.plain(format('alter operator %s set (merges)', name)) end, null
    from this
    union all
    select f.* from this, mwa.common_facets('pg_operator'::regclass, object, 'operator', name, oprowner, null, null) f;
end $$;

-- The operators and functions that belong to a family itself, or to one of its classes, in the order of making.
create or replace function mwa.family_members(
    owner_class oid, owner oid, out place int, out key text, out value text, out item text, out what text
) returns setof record
    language sql stable set search_path = pg_catalog as $$
    select (row_number() over (order by m.oid))::int, format('operator %s %s %s', m.amopstrategy, m.amoplefttype, m.amoprighttype),
           format('%s %s %s', m.amopopr, m.amoppurpose, m.amopsortfamily),
           format('operator %s %s%s', m.amopstrategy, m.amopopr::regoperator, (
               select format(' for order by %I.%I', n.nspname, f.opfname)
               from pg_opfamily f join pg_namespace n on n.oid = f.opfnamespace where f.oid = m.amopsortfamily)),
           format('operator %s (%s, %s)', m.amopstrategy, format_type(m.amoplefttype, null), format_type(m.amoprighttype, null))
    from pg_depend d join pg_amop m on m.oid = d.objid
    where d.classid = 'pg_amop'::regclass and d.refclassid = owner_class and d.refobjid = owner and d.deptype in ('a', 'i')
    union all
    select (400 + row_number() over (order by m.oid))::int, format('function %s %s %s', m.amprocnum, m.amproclefttype, m.amprocrighttype),
           m.amproc::oid::text,
           format('function %s (%s, %s) %s', m.amprocnum, format_type(m.amproclefttype, null), format_type(m.amprocrighttype, null),
                  m.amproc::regprocedure),
           format('function %s (%s, %s)', m.amprocnum, format_type(m.amproclefttype, null), format_type(m.amprocrighttype, null))
    from pg_depend d join pg_amproc m on m.oid = d.objid
    where d.classid = 'pg_amproc'::regclass and d.refclassid = owner_class and d.refobjid = owner and d.deptype in ('a', 'i')
$$;

-- A family as statements name it.
create or replace function mwa.family_name(family oid) returns text
    language sql stable set search_path = pg_catalog as $$
    select format('%I.%I using %I', n.nspname, f.opfname, a.amname)
    from pg_opfamily f join pg_namespace n on n.oid = f.opfnamespace join pg_am a on a.oid = f.opfmethod where f.oid = family
$$;

create or replace function mwa.operator_family_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (select f.*, mwa.family_name(f.oid) as name from pg_opfamily f where f.oid = object)
    select 0, '', null, 'operator family', 'create operator family ' || name, null, 'drop operator family if exists %1$s'
    from this
    union all
    select 100 + m.place, m.key, null, m.value, format('alter operator family %s add %s', name, m.item), null,
           mwa.plain(format('alter operator family %s drop %s', name, m.what))
    from this, mwa.family_members('pg_opfamily'::regclass, object) m
    union all
    select f.* from this, mwa.common_facets('pg_opfamily'::regclass, object, 'operator family', name, opfowner, null, null) f;
end $$;

create or replace function mwa.operator_class_facets(object oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select c.*, format('%I.%I using %I', n.nspname, c.opcname, a.amname) as name, mwa.family_name(c.opcfamily) as family_name,
               format('%I.%I', n.nspname, c.opcname) as short, a.amname
        from pg_opclass c join pg_namespace n on n.oid = c.opcnamespace join pg_am a on a.oid = c.opcmethod where c.oid = object)
    select 0, '', null, 'operator class',
           format('create operator class %s %sfor type %s using %I family %s as %s', short, case when opcdefault then 'default ' end,
               format_type(opcintype, null), amname,
               (select format('%I.%I', n.nspname, f.opfname) from pg_opfamily f join pg_namespace n on n.oid = f.opfnamespace
                where f.oid = opcfamily),
               -- A class of nothing has to have something; its own type is no storage clause to the server.
               coalesce(
                   nullif(concat_ws(', ', 'storage ' || format_type(nullif(opckeytype, 0), null),
                       (select string_agg(m.item, ', ' order by m.place) from mwa.family_members('pg_opclass'::regclass, object) m)), ''),
                   'storage ' || format_type(opcintype, null))),
           null, 'drop operator class if exists %1$s'
    from this
    union all
    -- The server gives to the class what is added to the family for the type of the class.
    select 100 + m.place, m.key, '', m.value, format('alter operator family %s add %s', family_name, m.item), null,
           mwa.plain(format('alter operator family %s drop %s', family_name, m.what))
    from this, mwa.family_members('pg_opclass'::regclass, object) m
    union all
    select f.* from this, mwa.common_facets('pg_opclass'::regclass, object, 'operator class', name, opcowner, null, null) f;
end $$;

-- The objects that a command on one of them may have changed as well, in the order of making.
create or replace function mwa.affected(class oid, object oid) returns table (other_class oid, other oid)
    language plpgsql stable set search_path = pg_catalog as $$
begin
    if class in ('pg_opfamily'::regclass, 'pg_opclass'::regclass) then
        return query
        with family as (
            select affected.object as oid where affected.class = 'pg_opfamily'::regclass
            union all
            select c.opcfamily from pg_opclass c where affected.class = 'pg_opclass'::regclass and c.oid = affected.object)
        select 'pg_opfamily'::regclass::oid, f.oid from family f
        union all
        select 'pg_opclass'::regclass::oid, c.oid from family f join pg_opclass c on c.opcfamily = f.oid;
    elsif class = 'pg_class'::regclass then
        return query select affected.class, o from mwa.around_sequences(affected.object) o;
    else
        return query select class, object;
    end if;
end $$;
