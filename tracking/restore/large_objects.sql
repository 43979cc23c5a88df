-- Large objects with all but their content; {grants} is an expression of privileges.py. The size is that of the
-- last page's end, as lo_lseek finds it; a page is a quarter of a block (LOBLKSIZE).
select m.oid::text,
       coalesce((select l.pageno::bigint * (current_setting('block_size')::int / 4) + length(l.data)
                 from pg_catalog.pg_largeobject l where l.loid = m.oid order by l.pageno desc limit 1), 0),
       pg_get_userbyid(m.lomowner)::text, obj_description(m.oid, 'pg_largeobject'), {grants}
from pg_catalog.pg_largeobject_metadata m
where {which}
order by m.oid
