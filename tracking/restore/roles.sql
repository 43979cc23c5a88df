-- Roles that somebody has made, with everything that CREATE ROLE knows of them. No time limit and 'infinity' are
-- the same, and there is no way back to none.
select r.rolname::text,
       array[case when r.rolsuper then 'superuser' else 'nosuperuser' end,
             case when r.rolinherit then 'inherit' else 'noinherit' end,
             case when r.rolcreaterole then 'createrole' else 'nocreaterole' end,
             case when r.rolcreatedb then 'createdb' else 'nocreatedb' end,
             case when r.rolcanlogin then 'login' else 'nologin' end,
             case when r.rolreplication then 'replication' else 'noreplication' end,
             case when r.rolbypassrls then 'bypassrls' else 'nobypassrls' end],
       r.rolconnlimit,
       case when isfinite(r.rolvaliduntil) then (r.rolvaliduntil at time zone 'UTC')::text || ' UTC'
            else coalesce(r.rolvaliduntil::text, 'infinity') end,
       shobj_description(r.oid, 'pg_authid'),
       {verifier}
from {catalog} r
where r.oid >= 16384 and r.rolname !~ '^pg_'  -- smaller numbers are the system's own
order by 1
