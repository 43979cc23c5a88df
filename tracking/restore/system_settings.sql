-- Settings of the server as its files have them, the last line for each name, and what it says of their kind.
-- A session's own value is not told, which our sessions have for many: where the server runs with what a file or
-- a default says, that is what counts.
select s.name, s.setting,
       s.sourcefile like '%postgresql.auto.conf',
       coalesce(p.vartype, 'unknown'), coalesce(p.unit, '')
from (select distinct on (lower(f.name)) lower(f.name) as name, f.setting, f.sourcefile
      from pg_file_settings f where f.error is null or f.error like 'setting could not be applied%'
      order by lower(f.name), f.seqno desc) s
left join pg_settings p on lower(p.name) = s.name
union all
select lower(p.name), p.boot_val, false, p.vartype, coalesce(p.unit, '')
from pg_settings p where not exists (select from pg_file_settings f where lower(f.name) = lower(p.name))
