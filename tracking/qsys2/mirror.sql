-- Db2 Mirror's views. A pool has two rows in mirror_info: there, each node answers for itself.
create view qsys2.mirror_info as
select case when pool.number = 1 then '*SYSBAS' else pool.database end as iasp_name,
       pool.number as asp_number,
       case when role = 'SECONDARY' and pool.state = 'TRACKING' then 'BLOCKED' else pool.state end
           as replication_state,
       case when role = 'SECONDARY' and pool.detail = 'REPLICATING' then 'READ-ONLY'
            else nullif(pool.detail, '') end as replication_detail,
       nullif(pool.reason, 0) as replication_detail_info,
       nullif(pool.reason_text, '') as replication_detail_info_text,
       case when pair.swapped then copy.name else source.name end as primary_node,
       case when pair.swapped then source.name else copy.name end as secondary_node,
       null::text as nrg_state,
       coalesce((
           select rule.inclusion from nodes_criteriarule rule
           where rule.pool_id = pool.id and rule.state <> 'PENDING ADD'
             and (rule.schema, rule.object_type, rule.name) = ('', '', '')), 'INCLUDE') as default_inclusion_state,
       case when coalesce((pool.own_properties ->> 'auto_resume')::boolean, pair.auto_resume)
            then 'YES' else 'NO' end as auto_resume,
       'NO' as auto_takeover,
       null::text as encrypted_rdma,
       null::text as replicate_user_index,
       null::text as replicate_user_space,
       null::text as replicate_data_queue_entries,
       null::text as rdma_tcpip,
       null::integer as rdma_tcpip_keep_alive_time,
       null::integer as resync_savrst_io_threshold,
       null::bigint as resync_savrst_io_minimum_rows,
       'MIGRATION' as environment_type,
       coalesce((pool.own_properties ->> 'parallel_degree')::smallint, pair.parallel_degree)
           as parallel_degree,
       case when pair.swapped = (role = 'PRIMARY') then copy.name else source.name end as node_name,
       role as node_role,
       pool.since as state_since,
       pool.lag_bytes,
       pool.wal_held_bytes,
       pool.measured_at,
       pair.name as pair_name,
       pool.database as database_name
from nodes_storagepool pool
join nodes_pair pair on pair.id = pool.pair_id
join nodes_node source on source.id = pair.source_id
join nodes_node copy on copy.id = pair.copy_id
cross join (values ('PRIMARY'), ('SECONDARY')) as roles(role);

comment on view qsys2.mirror_info is 'The replication of each pool: a row for its primary, one for its secondary';
comment on column qsys2.mirror_info.iasp_name is '*SYSBAS for the first database of a pair, else its name';
comment on column qsys2.mirror_info.asp_number is 'The pool''s number in its pair; 1 is *SYSBAS';
comment on column qsys2.mirror_info.replication_state is 'NOT MIRRORED, TRACKING, BLOCKED or ACTIVE';
comment on column qsys2.mirror_info.replication_detail is 'SUSPENDED, SYNCHRONIZING, REPLICATING or READ-ONLY';
comment on column qsys2.mirror_info.replication_detail_info is 'Why it is suspended; from 9000 on codes are ours';
comment on column qsys2.mirror_info.replication_detail_info_text is 'The same in words';
comment on column qsys2.mirror_info.primary_node is 'The node that may be written to';
comment on column qsys2.mirror_info.secondary_node is 'The node that follows';
comment on column qsys2.mirror_info.nrg_state is 'Always null: there are no network redundancy groups';
comment on column qsys2.mirror_info.default_inclusion_state is 'What is mirrored where no other rule says; INCLUDE without a rule of the pool';
comment on column qsys2.mirror_info.auto_resume is 'YES or NO: whether a suspend ends by itself; the pool''s own value, else the pair''s';
comment on column qsys2.mirror_info.auto_takeover is 'Always NO: roles change only when people want it';
comment on column qsys2.mirror_info.encrypted_rdma is 'Always null: there is no RDMA';
comment on column qsys2.mirror_info.replicate_user_index is 'Always null: there is no such object';
comment on column qsys2.mirror_info.replicate_user_space is 'Always null: there is no such object';
comment on column qsys2.mirror_info.replicate_data_queue_entries is 'Always null: there is no such object';
comment on column qsys2.mirror_info.rdma_tcpip is 'Always null: there is no RDMA';
comment on column qsys2.mirror_info.rdma_tcpip_keep_alive_time is 'Always null: there is no RDMA';
comment on column qsys2.mirror_info.resync_savrst_io_threshold is 'Always null: the share of rows is kept by pair and pool';
comment on column qsys2.mirror_info.resync_savrst_io_minimum_rows is 'Always null: there is no such limit';
comment on column qsys2.mirror_info.environment_type is 'Always MIGRATION';
comment on column qsys2.mirror_info.parallel_degree is 'How many tables are brought at once; the pool''s own value, else the pair''s';
comment on column qsys2.mirror_info.node_name is 'Ours: the node that this row is about';
comment on column qsys2.mirror_info.node_role is 'Ours: its role, PRIMARY or SECONDARY';
comment on column qsys2.mirror_info.state_since is 'Ours: since when state, detail and reason are these';
comment on column qsys2.mirror_info.lag_bytes is 'Ours: log that the secondary has not applied; null if never measured';
comment on column qsys2.mirror_info.wal_held_bytes is 'Ours: log that the primary keeps for it';
comment on column qsys2.mirror_info.measured_at is 'Ours: when both were measured';
comment on column qsys2.mirror_info.pair_name is 'Ours: the pair';
comment on column qsys2.mirror_info.database_name is 'Ours: the database';

create view qsys2.resync_status as
select t.schema_name as system_object_schema,
       quote_ident(t.table_name) as system_object_name,
       'table' as system_object_type,
       null::text as member_name,
       null::smallint as suggested_priority,
       null::timestamptz as resync_endtime,
       case when pool.reason = 9070 and t.sheet < c.sheet then nullif(pool.reason_text, '') end as failure_message,
       t.sheet,
       t.changes,
       t.keys,
       nullif(t.whole_reason, '') as whole_reason,
       t.first_tracked_at,
       pair.name as pair_name,
       pool.database as database_name,
       t.id as entry
from tracking_trackedtable t
join nodes_storagepool pool on pool.id = t.pool_id
join nodes_pair pair on pair.id = pool.pair_id
left join tracking_capturedposition c on c.pool_id = t.pool_id
where t.changes > 0 or t.whole_reason > '';

comment on view qsys2.resync_status is 'The OTL: a row per table and sheet; what has been brought leaves it';
comment on column qsys2.resync_status.system_object_schema is 'The schema';
comment on column qsys2.resync_status.system_object_name is 'The table, in quotes where SQL needs them';
comment on column qsys2.resync_status.system_object_type is 'Always table';
comment on column qsys2.resync_status.member_name is 'Always null: a table has no members';
comment on column qsys2.resync_status.suggested_priority is 'Always null: no priorities can be set';
comment on column qsys2.resync_status.resync_endtime is 'Always null: what has been brought leaves the list';
comment on column qsys2.resync_status.failure_message is 'Why the latest attempt failed, which was one of the whole pool';
comment on column qsys2.resync_status.sheet is 'Ours: the generation of the list; a round of synchronization begins one';
comment on column qsys2.resync_status.changes is 'Ours: changes tracked';
comment on column qsys2.resync_status.keys is 'Ours: rows listed by key';
comment on column qsys2.resync_status.whole_reason is 'Ours: why the table goes whole; null where rows are listed';
comment on column qsys2.resync_status.first_tracked_at is 'Ours: when the table came onto this sheet';
comment on column qsys2.resync_status.pair_name is 'Ours: the pair';
comment on column qsys2.resync_status.database_name is 'Ours: the database';
comment on column qsys2.resync_status.entry is 'Ours: its number';

-- The rules that people have made, a default of each pool, and what nobody overrides (nodes/system_criteria.py).
create view qsys2.replication_criteria_info as
select rule.id as rule_identifier,
       rule.state as apply_state,
       rule.inclusion as inclusion_state,
       nullif(rule.label, '') as apply_label,
       case when pool.number = 1 then '*SYSBAS' else pool.database end as iasp_name,
       nullif(rule.schema, '') as library_name,
       nullif(rule.object_type, '') as object_type,
       nullif(rule.name, '') as object_name,
       'USER' as rule_source,
       'YES' as removable,
       'NO' as restricted,
       nullif(change.failure, '') as failure_message,
       pair.name as pair_name
from nodes_criteriarule rule
join nodes_storagepool pool on pool.id = rule.pool_id
join nodes_pair pair on pair.id = pool.pair_id
left join nodes_criteriachange change on change.pool_id = rule.pool_id and change.label = rule.label
union all
select 0, 'ACTIVE', 'INCLUDE', null, case when pool.number = 1 then '*SYSBAS' else pool.database end,
       null, null, null, 'SYSTEM', 'NO', 'NO', null, pair.name
from nodes_storagepool pool
join nodes_pair pair on pair.id = pool.pair_id
union all
select system.number, 'ACTIVE', system.inclusion, null, null, system.library, system.type, null,
       'SYSTEM', 'NO', 'YES', null, pair.name
from nodes_pair pair
cross join (values
    (-1, 'EXCLUDE', 'pg_catalog', null),
    (-2, 'EXCLUDE', 'information_schema', null),
    (-3, 'EXCLUDE', 'pg_toast', null),
    (-4, 'EXCLUDE', 'mwa', null),
    (-5, 'INCLUDE', null, 'schema'),
    (-6, 'INCLUDE', null, 'role'),
    (-7, 'INCLUDE', null, 'role membership'),
    (-8, 'INCLUDE', null, 'member of an extension')) as system(number, inclusion, library, type);

comment on view qsys2.replication_criteria_info is 'Rules of what is mirrored: people''s, and the system''s';
comment on column qsys2.replication_criteria_info.rule_identifier is 'The rule; 0 and below are those of the system, the same in every pair';
comment on column qsys2.replication_criteria_info.apply_state is 'ACTIVE, PENDING ADD or PENDING REMOVE; never TRACKED';
comment on column qsys2.replication_criteria_info.inclusion_state is 'INCLUDE, EXCLUDE or DEFINITION';
comment on column qsys2.replication_criteria_info.apply_label is 'Under which it is pending; null where it is active';
comment on column qsys2.replication_criteria_info.iasp_name is '*SYSBAS, or the pool''s database; null: all of the pair';
comment on column qsys2.replication_criteria_info.library_name is 'The schema that it is about; null: all, or the type is in none';
comment on column qsys2.replication_criteria_info.object_type is 'The type that it is about; null: all';
comment on column qsys2.replication_criteria_info.object_name is 'The object that it is about, as it is called, without quotes; null: all';
comment on column qsys2.replication_criteria_info.rule_source is 'SYSTEM or USER';
comment on column qsys2.replication_criteria_info.removable is 'YES or NO: whether it can be removed';
comment on column qsys2.replication_criteria_info.restricted is 'YES or NO: whether no rule overrides it';
comment on column qsys2.replication_criteria_info.failure_message is 'Why the last commit of its label was refused';
comment on column qsys2.replication_criteria_info.pair_name is 'Ours: the pair';
