-- Databases that are no templates and let us in; their sizes only where that is wanted, for it may take long.
select datname::text,
       pg_encoding_to_char(encoding)::text,
       case when %(sizes)s and has_database_privilege(oid, 'connect') then pg_database_size(oid) end
from pg_database
where datallowconn and not datistemplate and datconnlimit <> -2
order by 1
