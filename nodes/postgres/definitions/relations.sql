-- Tables (ordinary, partitioned, foreign), with all that is a part of them.

-- How a column is written in CREATE TABLE and ADD COLUMN, without its default.
create or replace function mwa.column_definition(c pg_attribute) returns text
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return (
    select concat_ws(' ', quote_ident(c.attname), format_type(c.atttypid, c.atttypmod),
        'options (' || mwa.foreign_options(c.attfdwoptions) || ')',
        case when c.attcompression <> '' then 'compression ' || case c.attcompression when 'p' then 'pglz' else 'lz4' end end,
        (select format('collate %I.%I', n.nspname, l.collname) from pg_collation l join pg_namespace n on n.oid = l.collnamespace
         join pg_type t on t.oid = c.atttypid where l.oid = c.attcollation and c.attcollation <> t.typcollation),
        case when c.attgenerated <> '' then format('generated always as (%s) %s',
            (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d where (d.adrelid, d.adnum) = (c.attrelid, c.attnum)),
            case c.attgenerated when 's' then 'stored' else 'virtual' end) end,
        case when c.attnotnull then 'not null' end));
end $$;

-- The options of a sequence as CREATE SEQUENCE has them.
create or replace function mwa.sequence_options(sequence oid) returns text
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return (
    select format('start with %s increment by %s minvalue %s maxvalue %s cache %s %s',
                  seqstart, seqincrement, seqmin, seqmax, seqcache, case when seqcycle then 'cycle' else 'no cycle' end)
    from pg_sequence where seqrelid = sequence);
end $$;

create or replace function mwa.identity_clause(c pg_attribute) returns text
    language plpgsql stable set search_path = pg_catalog as $$
begin
    if c.attidentity = '' then
        return null;
    end if;
    return (
    select format('generated %s as identity (sequence name %s %s)',
                  case c.attidentity when 'a' then 'always' else 'by default' end, s::regclass, mwa.sequence_options(s))
    from pg_depend d, lateral (select d.objid as s) x
    where d.refclassid = 'pg_class'::regclass and d.refobjid = c.attrelid and d.refobjsubid = c.attnum
      and d.classid = 'pg_class'::regclass and d.deptype = 'i'
      and exists (select from pg_sequence where seqrelid = d.objid)
    limit 1);
end $$;

-- The same for a table of a type, whose columns come with the type: only what it adds to them.
create or replace function mwa.column_of(type oid, c pg_attribute) returns text
    language sql stable set search_path = pg_catalog as $$
    select case when type = 0 then mwa.column_definition(c)
        when c.attnotnull or c.atthasdef or c.attidentity <> '' then
            format('%I with options%s', c.attname, case when c.attnotnull then ' not null' else '' end) end
$$;

create or replace function mwa.in_parentheses(type oid, columns text) returns text
    language sql stable set search_path = pg_catalog as $$
    select case when type = 0 then format(' (%s)', columns)
        else format(' of %s%s', format_type(type, null), ' (' || nullif(columns, '') || ')') end
$$;

-- The tables below a table, and itself.
create or replace function mwa.tree(top oid) returns setof oid
    language sql stable set search_path = pg_catalog as $$
    with recursive below as (
        select top as oid union select i.inhrelid from pg_inherits i join below on below.oid = i.inhparent)
    select oid from below
$$;

-- Which tables the command that is ending has written anew row by row (mwa.note_rewrite).
create or replace function mwa.rewritten(top oid) returns boolean
    language plpgsql stable set search_path = pg_catalog as $$
begin
    if coalesce(current_setting('mwa.rewritten', true), '') = '' then
        return false;
    end if;
    return (
    select exists (select from mwa.tree(top) t where t::text = any(string_to_array(current_setting('mwa.rewritten', true), ' '))));
end $$;

-- The value that rows get which were there before the column: written down by ADD COLUMN with a default.
create or replace function mwa.value_of_old_rows(c pg_attribute) returns text
    language plpgsql stable set search_path = pg_catalog as $$
begin
    if not c.atthasmissing and not exists (select from pg_inherits where inhparent = c.attrelid) then
        return null;
    end if;
    return (
    select format('%L::%s', (a.attmissingval::text::text[])[1], format_type(a.atttypid, a.atttypmod))
    from mwa.tree(c.attrelid) t join pg_attribute a on a.attrelid = t and a.attname = c.attname
    where a.atthasmissing limit 1);
end $$;

-- A partition's, which is not its parent's. From version 17 on there is no such thing: there it is refused.
create or replace function mwa.has_own_identity(c pg_attribute) returns boolean
    language sql stable set search_path = pg_catalog as $$
    select c.attidentity <> '' and not exists (
        select from pg_inherits i join pg_attribute p on p.attrelid = i.inhparent and p.attname = c.attname
        where i.inhrelid = c.attrelid and p.attidentity <> '')
$$;

create or replace function mwa.column_facets(relation oid, name text, kind text) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with columns as (
        select a, a.attnum as n, quote_ident(a.attname) as called, a.attislocal and a.attinhcount = 0 or kind = 'view' as own,
               not exists (select from pg_class c where c.oid = relation and c.reloftype <> 0) as shaped,  -- by itself
               pg_get_expr(d.adbin, d.adrelid) as fallback, d.adbin::text as fallback_tree,
               format('alter %s %s alter column %I ', case kind when 'partitioned table' then 'table' else kind end, name, a.attname) as alter_column,
               t.typstorage
        from pg_attribute a
        join pg_type t on t.oid = a.atttypid
        left join pg_attrdef d on (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
        where a.attrelid = relation and a.attnum > 0 and not a.attisdropped)
    -- A rename; and, for one that is new, ADD COLUMN with the value that old rows have got
    select 100 + n, 'column ' || n, '', (a).attname::text,
           case when own and shaped and kind not in ('view', 'materialized view') then
               case when value_of_old_rows is null or (a).attgenerated <> ''
                    then format('alter %s %s add column %s', kind, name, concat_ws(' ', mwa.column_definition(a), 'default ' || case when (a).attgenerated = '' then fallback end, mwa.identity_clause(a)))
                    else format('alter %s %s add column %s default %s; alter %s %s alter column %s %s', kind, name, mwa.column_definition(a), value_of_old_rows, kind, name, called, coalesce('set default ' || fallback, 'drop default')) end end,
           case when own and shaped then format('alter %s %%1$s rename column %%2$I to %s', kind, mwa.plain(called)) end,
           -- One that goes with that of another table leaves its own as it is.
           case when kind in ('view', 'materialized view') then null
                when own and shaped then format('alter %s %%1$s drop column if exists %s', kind, mwa.plain(called)) else 'select' end
    from columns left join lateral mwa.value_of_old_rows(a) on true
    union all
    select 100 + n, 'column ' || n || ' type', 'column ' || n,
           format('%s %s %s', (a).atttypid, (a).atttypmod, (a).attcollation), null,
           case when own and shaped then mwa.plain(
               case when not mwa.rewritten(relation) then alter_column || 'type ' || written.type
                    when (a).attgenerated <> '' then format('select mwa.empty_around(%L, %L); ', name, (a).attname) || alter_column || 'type ' || written.type
                    else format('select mwa.empty_around(%L, %L); ', name, (a).attname) || case when (a).attidentity = '' then alter_column || 'drop default; ' else '' end
                         || alter_column || format('type %s using null', written.type)
                         || coalesce('; ' || alter_column || 'set default ' || fallback, '') end) end, null
    from columns, lateral (
        select format_type((a).atttypid, (a).atttypmod) || coalesce((
            select format(' collate %I.%I', cn.nspname, l.collname) from pg_collation l join pg_namespace cn on cn.oid = l.collnamespace
            where l.oid = (a).attcollation), '') as type) written
    where kind not in ('view', 'materialized view')
    union all
    select 200 + n, 'column ' || n || ' default', case when kind <> 'view' then 'column ' || n end, fallback_tree, alter_column || 'set default ' || fallback,
           mwa.plain(alter_column || 'set default ' || fallback), mwa.plain(alter_column || 'drop default')
    from columns where fallback is not null and (a).attgenerated = ''
    union all
    select 200 + n, 'column ' || n || ' generated', 'column ' || n, fallback_tree, null,
           case when own then mwa.plain(alter_column || format('set expression as (%s)', fallback)) end,
           case when own then mwa.plain(alter_column || 'drop expression') end
    from columns where (a).attgenerated <> ''
    union all
    select 210 + n, 'column ' || n || ' identity', 'column ' || n, (a).attidentity::text,
           case when own or mwa.has_own_identity(a) then alter_column || 'add ' || mwa.identity_clause(a) end,
           case when own then mwa.plain(alter_column || 'set generated ' || case (a).attidentity when 'a' then 'always' else 'by default' end) end,
           case when own or mwa.has_own_identity(a) then mwa.plain(alter_column || 'drop identity if exists') end
    from columns where (a).attidentity <> ''
    union all
    select f.* from columns, mwa.identity_facets(a) f where (a).attidentity <> '' and own
    union all
    select 220 + n, 'column ' || n || ' not null', 'column ' || n, 'not null',
           alter_column || 'set not null', null, mwa.plain(alter_column || 'drop not null')  -- also of one table below by itself
    from columns where (a).attnotnull
    union all
    select 221 + n, 'column ' || n || ' not null name', null, k.conname::text, word, mwa.plain(word),
           'select mwa.name_not_null(%1$L, ' || mwa.plain(quote_literal((a).attname)) || ', null)'
    from columns, mwa.not_null_of(relation, n) k, lateral (select format('select mwa.name_not_null(%L, %L, %L)', name, (a).attname, k.conname) as word) w
    where own and k.conname <> k.usual
    union all
    select 811 + n, 'column ' || n || ' not null comment', null, said, word, mwa.plain(word),
           'select mwa.comment_not_null(%1$L, ' || mwa.plain(quote_literal((a).attname)) || ', null)'
    from columns, mwa.not_null_of(relation, n) k, lateral obj_description(k.oid, 'pg_constraint') said,
         lateral (select format('select mwa.comment_not_null(%L, %L, %L)', name, (a).attname, said) as word) w
    where own and said is not null
    union all
    select 230 + n, 'column ' || n || ' storage', null, (a).attstorage::text, word, mwa.plain(word),
           mwa.plain(alter_column || 'set storage default')
    from columns, lateral (select alter_column || 'set storage ' || case (a).attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end as word) w
    where (a).attstorage <> typstorage and kind in ('table', 'partitioned table', 'materialized view')
    union all
    select 231 + n, 'column ' || n || ' compression', case when kind <> 'materialized view' then 'column ' || n end, (a).attcompression::text, word, mwa.plain(word),
           mwa.plain(alter_column || 'set compression default')
    from columns, lateral (select alter_column || 'set compression ' || case (a).attcompression when 'p' then 'pglz' else 'lz4' end as word) w
    where (a).attcompression <> ''
    union all
    select 232 + n, 'column ' || n || ' statistics', null, (a).attstattarget::text, alter_column || 'set statistics ' || (a).attstattarget,
           mwa.plain(alter_column || 'set statistics ' || (a).attstattarget), mwa.plain(alter_column || 'set statistics -1')
    from columns where coalesce((a).attstattarget, -1) >= 0
    union all
    select 233 + n, 'column ' || n || ' options', null, (a).attoptions::text, word, mwa.plain(word),
           mwa.plain(alter_column || format('reset (%s)', (select string_agg(split_part(o, '=', 1), ', ') from unnest((a).attoptions) o)))
    from columns, lateral (select alter_column || format('set (%s)', array_to_string((a).attoptions, ', ')) as word) w
    where (a).attoptions is not null
    union all
    select o.* from columns, mwa.option_facet(
        format('foreign table %s alter column %s', name, called), (a).attfdwoptions, 'column ' || n || ' options of its server', 'column ' || n) o
    where kind = 'foreign table'
    union all
    select 810 + n, 'column ' || n || ' comment', null, said, format('comment on column %s.%s is %L', name, called, said),
           mwa.plain(format('comment on column %s.%s is %L', name, called, said)), mwa.plain(format('comment on column %s.%s is null', name, called))
    from columns, lateral col_description(relation, n) said where said is not null
    union all
    select f.rank, 'column ' || n || ' ' || f.key, null, f.value, f.make, f.change, f.unmake
    from columns join pg_class c on c.oid = relation,
         -- A REVOKE on the table takes along what was granted on its columns.
         lateral (select string_agg(format(' %s %s %s %s', x.grantor, x.grantee, x.privilege_type, x.is_grantable), ''
                                    order by x.grantor, x.grantee, x.privilege_type) as around
                  from aclexplode(c.relacl) x) x,
         mwa.grant_facets((a).attacl, null, c.relowner, name, 840 + n, '', format(' (%s)', called), x.around) f
    where (a).attacl is not null;
end $$;

-- From version 18 on NOT NULL is a constraint that can be called something and be commented on; before, none is found.
create or replace function mwa.not_null_of(relation oid, n int) returns table (oid oid, conname name, usual text)
    language sql stable set search_path = pg_catalog as $$
    select k.oid, k.conname, format('%s_%s_not_null', c.relname, a.attname)
    from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
    where k.conrelid = relation and k.contype = 'n' and k.conkey[1] = n and k.coninhcount = 0
$$;

-- Without a name it gets the usual one.
create or replace function mwa.name_not_null(relation regclass, col name, wanted name) returns void
    language plpgsql set search_path = pg_catalog as $$
declare
    found record;
begin
    select k.conname, coalesce(wanted, k.usual) as wanted into found
    from pg_attribute a, mwa.not_null_of(relation, a.attnum) k where a.attrelid = relation and a.attname = col;
    if found.conname <> found.wanted then
        execute format('alter table %s rename constraint %I to %I', relation, found.conname, found.wanted);
    end if;
end $$;

create or replace function mwa.comment_not_null(relation regclass, col name, said text) returns void
    language plpgsql set search_path = pg_catalog as $$
declare
    is_now name := (select k.conname from pg_attribute a, mwa.not_null_of(relation, a.attnum) k where a.attrelid = relation and a.attname = col);
begin
    if is_now is not null then
        execute format('comment on constraint %I on %s is %L', is_now, relation, said);
    end if;
end $$;

create or replace function mwa.constraint_facets(relation oid, name text, kind text) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with constraints as (
        select c.*, case when c.conislocal and c.coninhcount = 0 and c.conparentid = 0 then true else false end as own,
               case c.contype when 'f' then 620 when 'c' then 610 else 600 end as place,
               pg_get_constraintdef(c.oid) as definition
        from pg_constraint c where c.conrelid = relation and c.contype in ('p', 'u', 'x', 'c', 'f'))
    select place, 'constraint ' || oid, null, conname::text,
           case when own then format('alter %s %s add constraint %I %s', kind, name, conname, definition) end,
           -- A partition's key or foreign key keeps a name of its own.
           case when own or contype <> 'c' then format('alter %s %%1$s rename constraint %%2$I to %s', kind, mwa.plain(quote_ident(conname))) end,
           case when own then format('alter %s %%1$s drop constraint if exists %s', kind, mwa.plain(quote_ident(conname))) end
    from constraints
    union all
    select place, 'constraint ' || oid || ' deferred', 'constraint ' || oid, format('%s %s', condeferrable, condeferred), null,
           case when own then mwa.plain(format('alter %s %s alter constraint %I %s', kind, name, conname,
               case when condeferrable then 'deferrable initially ' || case when condeferred then 'deferred' else 'immediate' end else 'not deferrable' end)) end, null
    from constraints where contype = 'f'
    union all
    select place + 1, 'constraint ' || oid || ' valid', 'constraint ' || oid, 'valid',
           case when own then format('alter %s %s validate constraint %I', kind, name, conname) end, null, null
    from constraints where convalidated and contype in ('c', 'f')
    union all
    select 811, 'constraint ' || oid || ' comment', null, said, format('comment on constraint %I on %s is %L', conname, name, said),
           mwa.plain(format('comment on constraint %I on %s is %L', conname, name, said)), mwa.plain(format('comment on constraint %I on %s is null', conname, name))
    from constraints, lateral obj_description(oid, 'pg_constraint') said where said is not null;
end $$;

create or replace function mwa.index_facets(relation oid, name text) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with indexes as (
        select i.*, c.relname, c.reloptions, c.reltablespace, not c.relispartition as own, c.relnamespace,
               format('%I.%I', ns.nspname, c.relname) as called,
               exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')) as of_constraint,
               case when c.relkind = 'I' and i.indisvalid then replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
                    else pg_get_indexdef(i.indexrelid) end as definition
        from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace ns on ns.oid = c.relnamespace
        where i.indrelid = relation and i.indisvalid or i.indrelid = relation and c.relkind = 'I')
    select 500, 'index ' || indexrelid, null, relname::text, case when own then definition end,
           format('alter index %s.%%2$I rename to %s', mwa.plain(relnamespace::regnamespace::text), mwa.plain(quote_ident(relname))),
           case when own then mwa.plain('drop index if exists ' || called) end
    from indexes where not of_constraint
    union all
    select 501, 'index ' || indexrelid || ' option ' || split_part(o, '=', 1), 'index ' || indexrelid, o,
           word, mwa.plain(word), mwa.plain(format('alter index %s reset (%s)', called, split_part(o, '=', 1)))
    from indexes, unnest(reloptions) o, lateral (select format('alter index %s set (%s)', called, o) as word) w
    union all
    select 502, 'index ' || indexrelid || ' clustered', null, 'clustered', format('alter table %s cluster on %I', name, relname), null,
           'alter table %1$s set without cluster'
    from indexes where indisclustered
    union all
    select 810, 'index ' || indexrelid || ' comment', null, said, format('comment on index %s is %L', called, said),
           mwa.plain(format('comment on index %s is %L', called, said)), mwa.plain(format('comment on index %s is null', called))
    from indexes, lateral obj_description(indexrelid, 'pg_class') said where said is not null;
end $$;

-- Triggers, rules, policies.
create or replace function mwa.attached_facets(relation oid, name text, kind text) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    select 700, 'trigger ' || t.oid, null, t.tgname::text,
           case when t.tgparentid = 0 then pg_get_triggerdef(t.oid) end,
           case when t.tgparentid = 0 then format('alter trigger %%2$I on %%1$s rename to %s', mwa.plain(quote_ident(t.tgname))) end,
           case when t.tgparentid = 0 then format('drop trigger if exists %s on %%1$s', mwa.plain(quote_ident(t.tgname))) end
    from pg_trigger t where t.tgrelid = relation and not t.tgisinternal
    union all
    select 700, 'trigger ' || t.oid || ' what', 'trigger ' || t.oid,
           format('%s %s %s %s %s %s %s', t.tgfoid, t.tgtype, t.tgattr, t.tgargs, t.tgqual, t.tgoldtable, t.tgnewtable), null,
           case when t.tgconstraint = 0 then mwa.plain(overlay(pg_get_triggerdef(t.oid) placing 'create or replace' from 1 for 6)) end, null
    from pg_trigger t where t.tgrelid = relation and not t.tgisinternal and t.tgparentid = 0
    union all
    select 701, 'trigger ' || t.oid || ' enabled', null, t.tgenabled::text, word, mwa.plain(word),
           mwa.plain(format('alter table %s enable trigger %I', name, t.tgname))
    from pg_trigger t, lateral (select format('alter table only %s %s trigger %I', name, case t.tgenabled
        when 'D' then 'disable' when 'A' then 'enable always' when 'R' then 'enable replica' else 'enable' end, t.tgname) as word) w
    where t.tgrelid = relation and not t.tgisinternal and t.tgenabled <> 'O'
    union all
    select 811, 'trigger ' || t.oid || ' comment', null, said, format('comment on trigger %I on %s is %L', t.tgname, name, said),
           mwa.plain(format('comment on trigger %I on %s is %L', t.tgname, name, said)), mwa.plain(format('comment on trigger %I on %s is null', t.tgname, name))
    from pg_trigger t, lateral obj_description(t.oid, 'pg_trigger') said where t.tgrelid = relation and not t.tgisinternal and said is not null
    union all
    select 710, 'rule ' || r.oid, null, r.rulename::text, pg_get_ruledef(r.oid),
           format('alter rule %%2$I on %%1$s rename to %s', mwa.plain(quote_ident(r.rulename))),
           format('drop rule if exists %s on %%1$s', mwa.plain(quote_ident(r.rulename)))
    from pg_rewrite r where r.ev_class = relation and r.rulename <> '_RETURN'
    union all
    select 710, 'rule ' || r.oid || ' what', 'rule ' || r.oid, md5(concat(r.ev_type, r.is_instead, r.ev_qual, r.ev_action)), null,
           mwa.plain(overlay(pg_get_ruledef(r.oid) placing 'create or replace' from 1 for 6)), null
    from pg_rewrite r where r.ev_class = relation and r.rulename <> '_RETURN'
    union all
    select 711, 'rule ' || r.oid || ' enabled', null, r.ev_enabled::text, word, mwa.plain(word),
           mwa.plain(format('alter table %s enable rule %I', name, r.rulename))
    from pg_rewrite r, lateral (select format('alter table %s %s rule %I', name, case r.ev_enabled
        when 'D' then 'disable' when 'A' then 'enable always' when 'R' then 'enable replica' else 'enable' end, r.rulename) as word) w
    where r.ev_class = relation and r.rulename <> '_RETURN' and r.ev_enabled <> 'O'
    union all
    select 811, 'rule ' || r.oid || ' comment', null, said, format('comment on rule %I on %s is %L', r.rulename, name, said),
           mwa.plain(format('comment on rule %I on %s is %L', r.rulename, name, said)), mwa.plain(format('comment on rule %I on %s is null', r.rulename, name))
    from pg_rewrite r, lateral obj_description(r.oid, 'pg_rewrite') said where r.ev_class = relation and r.rulename <> '_RETURN' and said is not null
    union all
    select 720, 'policy ' || p.oid, null, p.polname::text,
           format('create policy %I on %s as %s for %s to %s%s%s', p.polname, name,
                  case when p.polpermissive then 'permissive' else 'restrictive' end,
                  case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
                  (select string_agg(case role when 0 then 'public' else role::regrole::text end, ', ' order by role) from unnest(p.polroles) role),
                  ' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'),
           format('alter policy %%2$I on %%1$s rename to %s', mwa.plain(quote_ident(p.polname))),
           format('drop policy if exists %s on %%1$s', mwa.plain(quote_ident(p.polname)))
    from pg_policy p where p.polrelid = relation
    union all
    select 720, 'policy ' || p.oid || ' what', 'policy ' || p.oid, md5(concat(p.polcmd, p.polpermissive, p.polroles, p.polqual, p.polwithcheck)), null, null, null
    from pg_policy p where p.polrelid = relation
    union all
    select 811, 'policy ' || p.oid || ' comment', null, said, format('comment on policy %I on %s is %L', p.polname, name, said),
           mwa.plain(format('comment on policy %I on %s is %L', p.polname, name, said)), mwa.plain(format('comment on policy %I on %s is null', p.polname, name))
    from pg_policy p, lateral obj_description(p.oid, 'pg_policy') said where p.polrelid = relation and said is not null;
end $$;

create or replace function mwa.table_facets(relation oid) returns setof mwa.facet
    language plpgsql stable set search_path = pg_catalog as $$
begin
    return query
    with this as (
        select c.*, format('%I.%I', n.nspname, c.relname) as name, case c.relkind when 'f' then 'foreign table' else 'table' end as kind
        from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = relation)
    select 0, '', null, this.relkind::text,
           format('create %s%s %s%s%s%s%s%s%s',
               case this.relpersistence when 'u' then 'unlogged ' else '' end, kind, name, mwa.in_parentheses(this.reloftype, concat_ws(', ', (
                select string_agg(nullif(concat_ws(' ', mwa.column_of(this.reloftype, a), 'default ' || case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end, mwa.identity_clause(a)), ''), ', ' order by a.attnum)
                from pg_attribute a left join pg_attrdef d on (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
                where a.attrelid = relation and a.attnum > 0 and not a.attisdropped and (this.relispartition or a.attislocal)), (
                -- A partition has to bring what its parent checks.
                select string_agg(format('constraint %I %s', c.conname, pg_get_constraintdef(c.oid)), ', ' order by c.conname)
                from pg_constraint c where this.relispartition and c.conrelid = relation and c.contype = 'c' and c.coninhcount > 0))),
               ' inherits (' || case when not this.relispartition then (
                   select string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno) from pg_inherits i where i.inhrelid = relation) end || ')',
               ' partition by ' || pg_get_partkeydef(relation),
               (select ' using ' || quote_ident(amname) from pg_am where oid = this.relam and this.relkind = 'r'),
               (select format(' server %I%s', s.srvname, ' options (' || mwa.foreign_options(f.ftoptions) || ')')
                from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver where f.ftrelid = relation),
               case when this.reltablespace <> 0 then (select ' tablespace ' || quote_ident(spcname) from pg_tablespace where oid = this.reltablespace) end),
           null, 'drop ' || kind || ' if exists %1$s'
    from this
    union all
    select 10, 'partition', null, format('%s %s', i.inhparent, this.relpartbound),
           format('alter table only %s attach partition %s %s', i.inhparent::regclass, name, pg_get_expr(this.relpartbound, relation)),
           null, format('alter table only %s detach partition ', mwa.plain(i.inhparent::regclass::text)) || '%1$s'
    from this join pg_inherits i on i.inhrelid = relation where this.relispartition
    union all
    select 10, 'inherits ' || i.inhparent, '', i.inhparent::text, format('alter table %s inherit %s', name, i.inhparent::regclass), null,
           format('alter table %%1$s no inherit %s', mwa.plain(i.inhparent::regclass::text))
    from this join pg_inherits i on i.inhrelid = relation where not this.relispartition
    union all
    select 15, 'of', '', this.reloftype::text, word, mwa.plain(word), 'alter table %1$s not of'
    from this, lateral (select format('alter table %s of %s', name, format_type(this.reloftype, null)) as word) w where this.reloftype <> 0
    union all
    select 20, 'persistence', '', this.relpersistence::text, null,
           mwa.plain(format('alter table %s set %s', name, case this.relpersistence when 'u' then 'unlogged' else 'logged' end)), null
    from this where kind = 'table'
    union all
    select 21, 'tablespace', '', this.reltablespace::text, null,
           mwa.plain(format('alter table %s set tablespace %I', name, coalesce(
               (select spcname from pg_tablespace where oid = this.reltablespace),
               (select s.spcname from pg_database b join pg_tablespace s on s.oid = b.dattablespace where b.datname = current_database())))), null
    from this where this.relkind in ('r', 'p')
    union all
    select 22, 'option ' || split_part(o, '=', 1), null, o, word, mwa.plain(word),
           format('alter %s %%1$s reset (%s)', kind, split_part(o, '=', 1))
    from this,
         unnest(array_cat(this.reloptions, array(
             select 'toast.' || x from pg_class t, unnest(t.reloptions) x where t.oid = this.reltoastrelid))) o,
         lateral (select format('alter %s %s set (%s)', kind, name, o) as word) w
    union all
    select o.* from this join pg_foreign_table f on f.ftrelid = relation, mwa.option_facet('foreign table ' || name, f.ftoptions, 'options', '') o
    union all
    select 630, 'replica identity', null, coalesce(o.value_before, this.relreplident::text || coalesce(i.indexrelid::text, '')),
           word, mwa.plain(word), 'alter table only %1$s replica identity default'
    from this left join pg_index i on i.indrelid = relation and i.indisreplident and this.relreplident = 'i'
    left join lateral (select o.value_before from mwa.changed_outside o where o.table_oid = relation and o.setting = 'replica identity' limit 1) o on true,
    lateral (select format('alter table only %s replica identity %s', name, case this.relreplident
        when 'f' then 'full' when 'n' then 'nothing' when 'i' then 'using index ' || quote_ident((select relname from pg_class where oid = i.indexrelid)) else 'default' end) as word) w
    where this.relkind in ('r', 'p') and this.relreplident <> 'd' and o.value_before is null
    union all
    select 730, 'row security', null, 'on', format('alter table %s enable row level security', name), null, 'alter table %1$s disable row level security'
    from this where this.relrowsecurity
    union all
    select 731, 'forced row security', null, 'on', format('alter table %s force row level security', name), null, 'alter table %1$s no force row level security'
    from this where this.relforcerowsecurity
    union all
    select f.* from this, mwa.column_facets(relation, name, kind) f
    union all
    select f.* from this, mwa.owned_sequence_facets(relation, name) f
    union all
    select f.* from this, mwa.constraint_facets(relation, name, kind) f
    union all
    select f.* from this, mwa.index_facets(relation, name) f
    union all
    select f.* from this, mwa.attached_facets(relation, name, kind) f
    union all
    select f.* from this, mwa.common_facets('pg_class'::regclass, relation, kind, name, this.relowner, this.relacl, 'r') f;
end $$;

-- No rows, so that any column can become of any type; its rows are brought whole afterwards.
create or replace function mwa.empty(what regclass) returns void
    language plpgsql set search_path = pg_catalog as $$
begin
    if exists (select from pg_constraint where contype = 'f' and conrelid <> confrelid and confrelid in (select mwa.tree(what))) then
        execute format('delete from %s', what);
    else
        execute format('truncate %s', what);
    end if;
end $$;

-- Also the tables that point to a column which becomes of another type: their foreign keys are looked at anew.
create or replace function mwa.empty_around(what regclass, pointed_at name) returns void
    language plpgsql set search_path = pg_catalog as $$
begin
    perform mwa.empty(what);
    perform mwa.empty(c.conrelid::regclass) from pg_constraint c join pg_attribute a on a.attrelid = c.confrelid and a.attnum = any(c.confkey)
    where c.contype = 'f' and c.conparentid = 0 and c.confrelid = what and c.conrelid <> what and a.attname = pointed_at;
end $$;
