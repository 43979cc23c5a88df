-- What counts.sql and views.sql have made: functions take their triggers and indexes along, tables their view.
do $$
declare
    made text;
begin
    foreach made in array array(
        select format('view if exists %s', oid::regclass) from pg_class
        where relkind = 'v' and relname like 'tracking\_list\_%'
        union all
        select format('index if exists %s', oid::regclass) from pg_class
        where relkind = 'i' and relname like 'listed\_%'
        union all
        select format('function if exists %s', oid::regprocedure) from pg_proc
        where pronamespace = 'public'::regnamespace
              and (proname like 'tracking\_count\_%' or proname like 'tracking\_recount\_%'
                   or proname in ('tracking_name', 'tracking_bare', 'tracking_whole', 'tracking_last')))
    loop
        execute format('drop %s cascade', made);
    end loop;
    drop table if exists tracking_listcount, tracking_listdelta cascade;
end $$;
