-- What an earlier migration of this database has left on this node, and the statement that removes it. The
-- order is the one in which it can be removed: a slot is only free when its subscription is gone.
select what, remedy from (
    select 1 as place, format('subscription %s', s.subname) as what,
           format('alter subscription %1$I disable; alter subscription %1$I set (slot_name = none); '
                  'drop subscription %1$I;', s.subname) as remedy
    from pg_subscription s join pg_database d on d.oid = s.subdbid
    where d.datname = current_database() and s.subname like 'mwa\_%'
    union all
    select 2, format('slot %s', slot_name), format('select pg_drop_replication_slot(%L);', slot_name)
    from pg_replication_slots where database = current_database() and slot_name like 'mwa\_%'
    union all
    select 3, format('event trigger %s', evtname), format('drop event trigger %I;', evtname)
    from pg_event_trigger where evtname like 'mwa\_%'
    union all
    select 4, format('publication %s', pubname), format('drop publication %I;', pubname)
    from pg_publication where pubname ~ '^mwa(_|$)'
    union all
    select 5, 'schema mwa', 'drop schema mwa cascade;'
    from pg_namespace where nspname = 'mwa'
) found order by place, what
