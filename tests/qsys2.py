"""What the tests of schema qsys2 share: its columns, reading it, and what is on the tracking lists."""

from datetime import datetime
from types import SimpleNamespace

from django.db import connection
from django.utils import timezone

from nodes.models import FileRoot, Pair, StoragePool
from nodes.postgres.connect import Connection
from tracking.ifs import history
from tracking.ifs.changelist import ChangeList, FileList
from tracking.ifs.changes import Change
from tracking.ifs.outcome import Failed
from tracking.models import TrackedTable

COLUMNS = {
    "migration_manager_info": "entry_type source_node_state copy_node_state migration_stage migration_phase"
    " pending_migration_phase migration_phase_detail migration_detail_info_text migration_interval_count"
    " qualified_job_name source_node copy_node primary_node pair_name",
    "library_migration_list": "library_name object_name object_type tracking_state initial_tracking_time"
    " object_size migration_start_time failure_job_name failure_message tracking_list pair_name database_name"
    " change set_aside set_aside_by set_aside_at priority definition_entry object_entry",
    "migrated_library": "library_name object_name object_type initial_tracking_time migration_start_time"
    " migration_end_time successful_migration_count object_size pair_name database_name entry",
    "ifs_migration_list": "path_name object_type tracking_state initial_tracking_time object_size"
    " migration_start_time failure_job_name failure_message pair_name set_aside set_aside_by set_aside_at"
    " changes walk_reason entry",
    "migrated_ifs": "path_name object_type initial_tracking_time migration_start_time migration_end_time"
    " successful_migration_count object_size pair_name entry",
    "mirror_info": "iasp_name asp_number replication_state replication_detail replication_detail_info"
    " replication_detail_info_text primary_node secondary_node nrg_state default_inclusion_state auto_resume"
    " auto_takeover encrypted_rdma replicate_user_index replicate_user_space replicate_data_queue_entries"
    " rdma_tcpip rdma_tcpip_keep_alive_time resync_savrst_io_threshold resync_savrst_io_minimum_rows"
    " environment_type parallel_degree node_name node_role state_since lag_bytes wal_held_bytes measured_at"
    " pair_name database_name",
    "resync_status": "system_object_schema system_object_name system_object_type member_name"
    " suggested_priority resync_endtime failure_message sheet changes keys whole_reason first_tracked_at"
    " pair_name database_name entry",
    "migration_attempts": "library_name object_name object_type change outcome migration_start_time"
    " migration_end_time attempt_count job_name message user_name pair_name database_name entry",
    "replication_criteria_info": "rule_identifier apply_state inclusion_state apply_label iasp_name"
    " library_name object_type object_name rule_source removable restricted failure_message pair_name",
}


def read(view: str, where: str = "") -> list[SimpleNamespace]:
    """The rows of a view, by the names of its columns."""
    with connection.cursor() as cursor:
        cursor.execute(f"select * from qsys2.{view} {where}")
        names = [column.name for column in cursor.description]
        return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def track(
    pool: StoragePool, table: str, *, sheet: int = 1, changes: int = 5, keys: int = 3, whole: str = "",
    at: datetime | None = None,
) -> None:  # fmt: skip
    """A table on one of the sheets."""
    TrackedTable.objects.create(
        pool=pool, sheet=sheet, schema_name="public", table_name=table, key_columns=["id"],
        whole_reason=whole, changes=changes, keys=keys, first_tracked_at=at or timezone.now(),
    )  # fmt: skip


def on_sheet(pool: StoragePool, number: int) -> None:
    """Which sheet is being written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into tracking_capturedposition (pool_id, position, sheet) values (%s, '0/1', %s)",
            (pool.pk, number),
        )


def make_root(pair: Pair, number: int = 1, source: str = "/srv/shop") -> FileRoot:
    """A file root of which nothing is known yet."""
    return FileRoot.objects.create(pair=pair, number=number, source=source, copy=f"/copy{source}")


def session() -> Connection:
    """What the tracker and whoever carries have: here, the test's own session, in its transaction."""
    with connection.cursor():
        return connection.connection


def owe(root: FileRoot, *paths: bytes, walk: str = "", changes: int = 1) -> None:
    """Paths that have changed, as the tracker lists them; `walk` says why all below them is looked at."""
    found = [Change(path, 0, walk=walk > "", reason=walk, changes=changes) for path in paths]
    ChangeList(session(), root.pk).add(found)


def fail(root: FileRoot, reason: str = "no space on the copy", kind: str = "*STMF") -> None:
    """Everything that is owed is tried and fails."""
    files = FileList(session(), root.pk, "engine host:1:mark")
    for entry in files.take(10_000):
        files.put_back(entry, Failed(entry.path, kind, reason, False), None)


def bring(root: FileRoot, kind: str = "*STMF", size: int | None = 5) -> None:
    """Everything that is owed has been carried."""
    files = FileList(session(), root.pk, "engine host:1:mark")
    entries = files.take(10_000)
    history.note(
        session(),
        root.pk,
        [history.Migrated(each.path, kind, each.tracked_at, each.started_at, size) for each in entries],
    )
    files.done(entries)
