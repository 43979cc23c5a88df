-- What the role of this session lacks in this database; a superuser lacks nothing.
select 'CREATE on the database (publications, schema mwa)', null
where not has_database_privilege(current_database(), 'CREATE')
union all
select 'ownership of the database (closing it at the swap)', null
from pg_database where datname = current_database() and not pg_has_role(datdba, 'usage')
union all
(select 'ownership of tables (publishing, replica identity)', n.nspname || '.' || c.relname
 from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and c.relpersistence <> 't' and c.oid >= 16384
   and n.nspname not in ('pg_catalog', 'information_schema', 'mwa') and not pg_has_role(c.relowner, 'usage')
 order by 2)
