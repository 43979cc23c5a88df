"""What the engine has done and is doing, for the scenery: copies, hand-overs, compares, a preflight."""

from datetime import timedelta

from django.utils import timezone

from nodes.models import Pair, StoragePool
from tests.portal import make_pair, make_samples
from tracking.models import (
    CompareResult,
    CompareRun,
    CompareSchedule,
    FileCompare,
    FinishingPart,
    HandOver,
    Job,
    Message,
    PreflightRun,
    SetupStep,
    TableCopy,
    set_phase,
    set_state,
)

_COPIES = (
    ("contacts", "COPIED", 812_400, 310, 1.0), ("companies", "COPIED", 94_118, 44, 1.0),
    ("activities", "COPYING", 6_400_000, 2_140, 0.62), ("mails", "COPYING", 1_930_000, 8_900, 0.31),
    ("attachments", "WAITING", 402_000, 21_400, 0), ("pipelines", "COPIED", 310, 1, 1.0),
    ("deals", "LOCKED", 188_000, 72, 0), ("notes", "WAITING", 2_204_000, 610, 0),
    ("tags", "COPIED", 1_204, 1, 1.0), ("campaigns", "WAITING", 18_400, 12, 0),
)  # fmt: skip
_CHECKS = (
    ("server version", None, "both", "passed", "16.4 and 18.0", "copy not older than source", "", ()),
    ("wal_level", None, "source", "passed", "logical", "logical", "", ()),
    ("free replication slots", None, "source", "passed", "8 of 10 are free", "at least 4", "", ()),
    ("database", "shop", "copy", "passed", "there, and empty", "an empty database shop", "", ()),
    ("long transactions", "shop", "source", "warning", "2 transactions are older than 60 s",
     "none older than 60 s", "Let them end, or end them: the snapshot waits for them.",
     ("pid 812, report, 21 min", "pid 940, app, 95 s")),
    ("tables without a key", "shop", "source", "warning", "2 tables have neither key nor identity",
     "a primary key, or replica identity full", "Add a key; until then each change brings the table whole.",
     ("public.import_scratch", "audit.changes")),
    ("collations", "shop", "both", "passed", "all 3 in use are there", "the same on both nodes", "", ()),
)  # fmt: skip
_FIELDS = ("name", "database", "node", "status", "observed", "needed", "remedy", "objects")
_STEPS = ("INSTALLED", "DEFINED", "COPIED", "INDEXED", "MIRRORED")


def make_copying_pair(name: str) -> Pair:
    """In its system migration, with rows on their way and a table that somebody holds."""
    pair, now = make_pair(name), timezone.now()
    pool = pair.pools.get()
    pair.ask("SYNC", "olga")
    set_phase(pair, "SETUP", "A")
    pool.step, pool.measured_at = "DEFINED", now
    pool.save()
    set_state(pool, "TRACKING", "SUSPENDED", 212)
    make_samples(pool, rows=9_200)
    for minutes, step in ((31, "INSTALLED"), (29, "DEFINED")):
        SetupStep.objects.create(pool=pool, step=step, reached_at=now - timedelta(minutes=minutes))
    for number, (table, state, rows, megabytes, share) in enumerate(_COPIES):
        size, began = megabytes * 2**20, now - timedelta(minutes=28 - number)
        TableCopy.objects.create(
            pool=pool, schema="public", name=table, state=state, rows_total=rows, bytes_total=size,
            rows=int(rows * share), bytes=int(size * share),
            started_at=began if share else None,
            ended_at=began + timedelta(seconds=2 + megabytes // 8) if share == 1 else None,
            locked_at=now - timedelta(seconds=48) if state == "LOCKED" else None,
            locked_by="pid 4711 (crm, nightly import)" if state == "LOCKED" else "",
            skips=1 if state == "LOCKED" else 0,
        )  # fmt: skip
    building = {
        "table": "public.contacts", "statement": "CREATE INDEX contacts_by_name ON public.contacts (name)",
        "phase": "building index: sorting", "percent": 40, "since": (now - timedelta(seconds=9)).isoformat(),
    }  # fmt: skip
    FinishingPart.objects.create(pool=pool, part="indexes", done=6, total=31, building=[building])
    for code, text in (
        ("CPI3710", "Checkpoint processing began"),
        ("CPI3712", "Checkpoint reached: 10 tables"),
    ):
        Message.objects.create(pair=pair, pool=pool, code=code, text=text)
    Job.objects.create(pair=pair, pool=pool, kind="COPY", owner="engine mover1:812")
    Job.objects.create(pair=pair, pool=pool, kind="CAPTURE", owner="engine mover1:812")
    return pair


def make_hand_overs(pool: StoragePool) -> None:
    """The first one failed and was tried again; and when each step of the system migration was reached."""
    now = timezone.now()
    for number, step in enumerate(_STEPS):
        at = now - timedelta(hours=20, minutes=50 - 9 * number)
        SetupStep.objects.create(pool=pool, step=step, reached_at=at)
    for hours, outcome, rows, message in (
        (20, "FAILED", 0, "the secondary did not answer within 10 s"), (19.9, "COMPLETE", 48_310, ""),
        (7, "COMPLETE", 1_204, ""),
    ):  # fmt: skip
        began = now - timedelta(hours=hours)
        run = HandOver.objects.create(
            pool=pool, began_at=began, ended_at=began + timedelta(seconds=14.6), outcome=outcome, rows=rows,
            rounds=3 if rows else 0, message=message, position=0x2A_1F00_88C0 if rows else None,
        )  # fmt: skip
        run.phases.create(
            part="1.2", began_at=began + timedelta(seconds=1), waited=2,
            ended_at=began + timedelta(seconds=5.2) if rows else None,
        )  # fmt: skip
    for kind in ("CAPTURE", "STREAM"):
        Job.objects.create(pair=pool.pair, pool=pool, kind=kind, owner="engine mover1:812")


def make_compares(pair: Pair) -> None:
    """One that has found a row, one that is under way, one of the files, and a schedule."""
    first, second = pair.pools.all()
    now = timezone.now()
    run = CompareRun.objects.create(
        pool=first, asked_by="olga", asked_at=now - timedelta(minutes=40), verdict="DIFFERENT",
        started_at=now - timedelta(minutes=40), ended_at=now - timedelta(minutes=31), tables=4, tables_done=4,
        rows=14_621_074,
    )  # fmt: skip
    row = {
        "kind": "different", "key": "{88120}", "columns": ["id", "total", "note"], "differs": ["total"],
        "source": {"id": "88120", "total": "149.90", "note": None},
        "copy": {"id": "88120", "total": "149.00", "note": None},
    }  # fmt: skip
    for name, rows, seconds in (("customers", 184_220, 3.1), ("order_lines", 11_480_731, 312.0),
                                ("products", 42_118, 0.8)):  # fmt: skip
        run.results.create(schema="public", name=name, verdict="EQUAL", rows=rows, seconds=seconds)
    CompareResult.objects.create(
        run=run, schema="public", name="orders", verdict="DIFFERENT", rows=2_914_005, different_rows=1,
        differences=[row], seconds=88.4,
    )  # fmt: skip
    CompareRun.objects.create(
        pool=second, asked_by="oskar", started_at=now - timedelta(seconds=80), progress_at=now, tables=40,
        tables_done=17, rows=3_204_118, current=[["reports.daily_sales", 410_000, 1_200_000]],
    )  # fmt: skip
    FileCompare.objects.create(
        root=pair.file_roots.get(), asked_by="olga", started_at=now - timedelta(hours=2), verdict="EQUAL",
        ended_at=now - timedelta(hours=1, minutes=52), objects_compared=12_000, bytes_compared=3 * 2**30,
    )  # fmt: skip
    CompareSchedule.put(pair, "olga", every_hours=6)


def make_preflight(pair: Pair) -> None:
    """It has passed, with warnings."""
    ended = timezone.now() - timedelta(hours=21)
    PreflightRun.objects.create(
        pair=pair, asked_by="olga", asked_at=ended - timedelta(seconds=3), started_at=ended, ended_at=ended,
        runner="engine mover1:812", databases=[pool.database for pool in pair.pools.all()],
        checks=[dict(zip(_FIELDS, check, strict=True)) for check in _CHECKS],
    )  # fmt: skip
