-- Every role that this database's dump will name: owners, grantees, policies, default privileges, settings.
-- pg_shdepend leaves out the role of initdb, so owners and grantees of relations are read beside it.
with this as (select oid, datdba from pg_database where datname = current_database()),
used(oid) as (
    select refobjid from pg_shdepend, this where refclassid = 'pg_authid'::regclass and dbid = this.oid
    union
    select refobjid from pg_shdepend d, this
    where refclassid = 'pg_authid'::regclass and dbid = 0 and classid = 'pg_database'::regclass
      and objid = this.oid
    union
    select datdba from this
    union
    select setrole from pg_db_role_setting, this where setdatabase = this.oid
    union
    select relowner from pg_class where oid >= 16384
    union
    select unnest(array[g.grantee, g.grantor]) from pg_class c, aclexplode(c.relacl) g where c.oid >= 16384
)
select r.rolname::text from pg_roles r join used u on u.oid = r.oid where r.rolname !~ '^mwa_' order by 1
