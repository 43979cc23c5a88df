-- Which of the tables hold a column that must travel as text: COPY's binary format holds type OIDs for
-- arrays and composite types and object OIDs for regclass and its kin, which differ between servers, and
-- nobody promises that an extension's binary format is the same in another version of the extension.
-- Enums (sent by label) and built-in types are the same from PostgreSQL 14 to 18.
with recursive stored (relid, type) as (
    select a.attrelid, a.atttypid from pg_attribute a
    where a.attrelid = any (%s) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    union
    select s.relid, d.typbasetype from stored s join pg_type d on d.oid = s.type where d.typtype = 'd'
)
select distinct s.relid
from stored s
join pg_type t on t.oid = s.type
where t.typtype not in ('d', 'e')
  and not (
    t.typtype in ('b', 'r', 'm')
    and t.oid < 16384  -- FirstNormalObjectId: made by initdb, the same everywhere
    and t.typsend <> 0 and t.typreceive <> 0
    and t.typname !~ '^_?(reg|xml)'
  )
