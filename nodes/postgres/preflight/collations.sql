-- Collations that something outside the catalogs depends on, each as a JSON object (the columns differ by
-- version). The catalogs' own dependencies are not recorded, nor is anything on default, C and POSIX.
select distinct n.nspname::text, to_jsonb(c), pg_collation_actual_version(c.oid)
from pg_depend d
join pg_collation c on c.oid = d.refobjid
join pg_namespace n on n.oid = c.collnamespace
where d.refclassid = 'pg_collation'::regclass and d.deptype <> 'e'
order by 1
