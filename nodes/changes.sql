-- Who changed what is never changed afterwards.

create function nodes_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the changes of properties are append-only: % on % refused', tg_op, tg_table_name
        using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete or truncate on nodes_propertychange
    for each statement execute function nodes_refuse_change();
