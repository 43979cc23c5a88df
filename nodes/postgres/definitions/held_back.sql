-- Tables whose definition could not be carried: their rows stay away from the secondary, all others go on.
create table if not exists mwa.held_back (relation oid primary key);

-- Those that these entries of mwa.definition_changes are about, and no others.
create or replace function mwa.hold_back(numbers bigint[]) returns void
    language sql set search_path = pg_catalog as $$
    delete from mwa.held_back where relation not in (
        select table_oid from mwa.definition_changes where origin = mwa.node() and id = any(numbers) and table_oid is not null);
    insert into mwa.held_back
    select distinct table_oid from mwa.definition_changes
    where origin = mwa.node() and id = any(numbers) and table_oid is not null
    on conflict do nothing
$$;
