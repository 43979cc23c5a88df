-- The role of this session, and what it lacks for each thing a migration does, most general first.
-- Every line reads: is it missing, and what for.
select current_user::text, r.rolsuper, r.rolbypassrls, array_remove(array[
    case when not r.rolsuper then 'superuser (event triggers, ALTER SYSTEM, session_replication_role)' end,
    case when not (r.rolsuper or r.rolreplication) then 'REPLICATION (slots, streaming)' end,
    case when not (r.rolsuper or exists (
        select from pg_roles p where p.rolname = 'pg_create_subscription'
                                 and pg_has_role(current_user, p.oid, 'member')))
         then 'pg_create_subscription (subscriptions)' end,
    case when not (r.rolsuper or exists (
        select from pg_roles p where p.rolname = 'pg_signal_backend'
                                 and pg_has_role(current_user, p.oid, 'member')))
         then 'pg_signal_backend (ending sessions at the swap)' end
    ], null)::text[]
from pg_roles r where r.rolname = current_user
