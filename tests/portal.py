"""People and a pair for the portal's tests."""

import math
import re
from datetime import UTC, timedelta
from html import unescape

from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils import timezone

from mwaportal.access import Viewer
from nodes.models import CriteriaChange, CriteriaRule, FileRoot, Node, Pair, StoragePool
from tracking.models import (
    Attempt,
    CompareResult,
    CompareRun,
    DefinitionEntry,
    FileChange,
    Message,
    MigratedFile,
    NodeJobs,
    PoolSample,
    TableCopy,
    set_phase,
    set_state,
)
from tracking.pages import PAGES, render_pair

OLGA = Viewer(operate=True, request=True, user_id=1)
PASSWORD = "correct horse"
PEOPLE = {"olga": "Administrators", "artur": "Approvers", "vera": "Stakeholders", "otto": ""}
_WATCHED = """
    insert into tracking_filewatch (root_id, run, way, state, directories)
    values (%s, 'run', 'inotify', 'WATCHING', 340)
"""


def make_people() -> dict[str, User]:
    """Olga operates, Artur approves, Vera looks, Otto is an outsider; Olga has a colleague, Oskar."""
    people = {}
    for name, group in {**PEOPLE, "oskar": "Administrators"}.items():
        people[name] = User.objects.create_user(name, password=PASSWORD)
        if group:
            people[name].groups.add(Group.objects.get(name=group))
    return people


def make_pair(name: str = "shop", databases: tuple[str, ...] = ("shop",)) -> Pair:
    """A pair as it is after it was defined."""
    pair = Pair.objects.create(
        name=name,
        source=Node.objects.create(name=f"old-{name}", conninfo="host=old password=sesame", version=16),
        copy=Node.objects.create(name=f"new-{name}", conninfo="host=new password=sesame", version=18),
    )
    for number, database in enumerate(databases, 1):
        StoragePool.objects.create(pair=pair, number=number, database=database)
    return pair


def make_synchronizing_pair(name: str = "shop") -> Pair:
    """A pair in phase SYNC whose pool is replicating."""
    pair = make_pair(name)
    pair.ask("SYNC")
    set_phase(pair, "SYNC", "A")
    pool = pair.pools.get()
    pool.step, pool.lag_bytes, pool.wal_held_bytes = "MIRRORED", 2_400, 65_536
    pool.measured_at = timezone.now()
    pool.save()
    set_state(pool, "ACTIVE", "REPLICATING")
    return pair


def make_stuck_pair(name: str = "shop", **job: object) -> Pair:
    """A pair whose pool is suspended, with somebody in the way on its primary; an engine works on it."""
    pair = make_synchronizing_pair(name)
    Pair.objects.filter(pk=pair.pk).update(lease_until=timezone.now() + timedelta(hours=1))
    pool, now = pair.pools.get(), timezone.now()
    set_state(pool, "TRACKING", "SUSPENDED", 9070)
    began = (now - timedelta(minutes=3)).astimezone(UTC).isoformat()
    given = {
        "pid": 4711, "user": "shop", "application": "nightly export", "database": "shop", "began": began,
        "session_began": began, "query": "update orders set total = 0", "holds": "", **job,
    }  # fmt: skip
    NodeJobs.objects.create(pool=pool, role="PRIMARY", looked_at=now, seen_at=now, jobs=[given])
    NodeJobs.objects.create(pool=pool, role="SECONDARY", looked_at=now, seen_at=now)
    return pair


def make_copies(pool: StoragePool, tables: int) -> None:
    """The system migration of so many tables, some in every state."""
    now = timezone.now()
    states = ("COPIED", "COPIED", "COPYING", "WAITING", "LOCKED", "FAILED", "COPIED")
    TableCopy.objects.bulk_create(
        TableCopy(
            pool=pool, schema="public", name=f"orders_{n}", state=state,
            rows_total=1_000 * (n + 1), bytes_total=80_000 * (n + 1),
            rows={"COPIED": 1_000 * (n + 1), "COPYING": 400 * (n + 1)}.get(state, 0),
            bytes={"COPIED": 80_000 * (n + 1), "COPYING": 32_000 * (n + 1)}.get(state, 0),
            started_at=now - timedelta(seconds=90) if state in ("COPIED", "COPYING") else None,
            ended_at=now - timedelta(seconds=30) if state == "COPIED" else None,
            message="waited 120 s for a lock held by process 4711" if state == "LOCKED" else "",
        )
        for n, state in ((n, states[n % len(states)]) for n in range(tables))
    )  # fmt: skip


def make_history(pair: Pair) -> None:
    """Messages, definitions and a compare with a difference."""
    pool = pair.pools.first()
    for code, text in (
        ("CPI3710", "Checkpoint processing began"),
        ("CPI3712", "Checkpoint reached"),
        ("", "Copying"),
    ):
        Message.objects.create(pair=pair, code=code, text=text)
    DefinitionEntry.objects.create(
        pool=pool, number=1, command="ALTER TYPE", object_type="type", identity="public.mood"
    )
    DefinitionEntry.objects.create(
        pool=pool, number=2, command="CREATE VIEW", object_type="view", identity="public.<b>today</b>"
    )
    for number in range(2):
        Attempt.objects.create(
            pool=pool, command="CREATE VIEW", object_type="view", identity=f"public.v{number}",
            outcome="CARRIED", ended_at=timezone.now(),
        )  # fmt: skip
    run = CompareRun.objects.create(pool=pool, ended_at=timezone.now())
    CompareResult.objects.create(
        run=run, schema="public", name="customers", verdict="EQUAL", rows=12_000, seconds=1
    )
    CompareResult.objects.create(
        run=run, schema="public", name="orders", verdict="DIFFERENT", rows=90_000, different_rows=1,
        differences=[
            {
                "kind": "different", "key": "{17}", "source": {"id": "17", "total": "9.90"},
                "copy": {"id": "17", "total": "<i>9.91"}, "source_count": 1, "copy_count": 1,
            }
        ],
    )  # fmt: skip


def propose(
    pool: StoragePool, inclusion: str, schema: str = "", object_type: str = "", name: str = "",
    label: str = "spring",
) -> CriteriaChange:  # fmt: skip
    """A pending rule of the replication criteria, by Olga; returns the change that it is part of."""
    return CriteriaRule(
        pool=pool, inclusion=inclusion, schema=schema, object_type=object_type, name=name, label=label
    ).add("olga")


def make_root(pair: Pair, source: str = "/srv/old", copy: str = "/srv/new", **values: object) -> FileRoot:
    """A file root in step, as it is after the engine has begun with it; its directories need not be there."""
    root = FileRoot.objects.create(
        pair=pair, number=pair.file_roots.count() + 1, source=source, copy=copy,
        **{"copied_at": timezone.now(), "files_copied": 12_000, "bytes_copied": 3 * 2**30, **values},
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_WATCHED, [root.pk])
    set_state(root, "ACTIVE", "REPLICATING")
    return root


def owe(root: FileRoot, path: bytes, state: str = "READY", **values: object) -> FileChange:
    """An entry of the IFS tracking list."""
    given = {"failure": "", "failure_job": "", "reason": "", "set_aside": "", "set_aside_by": "", **values}
    return FileChange.objects.create(
        root=root, turn=1, path=path, state=state, first_tracked_at=timezone.now(), changes=1, tries=0,
        **{"walk": False, "object_type": "*STMF", **given},
    )  # fmt: skip


def carried(root: FileRoot, path: bytes, seconds_ago: int = 0, size: int | None = 2_048) -> MigratedFile:
    """A file of the history."""
    at = timezone.now() - timedelta(seconds=seconds_ago)
    return MigratedFile.objects.create(
        root=root, path=path, object_type="*STMF", tracked_at=at, started_at=at, ended_at=at, size=size,
        count=1,
    )  # fmt: skip


def part(pair: Pair, name: str, viewer: Viewer = OLGA) -> str:
    """A live part of one of the pair's pages, as its socket shows it; of a page's key all parts."""
    page = next(page for page in PAGES.values() if name in page.parts or name == page.key)
    parts = render_pair(pair.pk, page.key, viewer)
    return parts[name] if name in page.parts else "".join(parts[part] for part in page.parts)


def everything(pair: Pair, viewer: Viewer = OLGA) -> str:
    """All live parts of all pages of a pair."""
    return "".join("".join(render_pair(pair.pk, key, viewer).values()) for key in PAGES)


def make_samples(pool: StoragePool, *, hours: float = 1, every: int = 5, rows: int = 0) -> None:
    """What was measured of a pool up to now: a log written at 1 MB/s, applied in waves, and one gap."""
    now = timezone.now()
    samples, written = [], 2**34
    for number in range(int(hours * 3600 / every), -1, -1):
        age = number * every
        written += 2**20 * every
        lag = int(2**20 * (6 + 5 * math.sin(age / 150) + (40 if 900 < age < 960 else 0)))
        if 1_790 < age < 2_530:
            continue
        samples.append(
            PoolSample(
                pool=pool, at=now - timedelta(seconds=age), on_copy=pool.pair.swapped, state=pool.state,
                detail=pool.detail, written=written, read=written - lag, wal_held_bytes=lag + 2**24,
                tracked_rows=rows, tracked_changes=2 * rows,
            )
        )  # fmt: skip
    PoolSample.objects.bulk_create(samples)
    pool.lag_bytes, pool.wal_held_bytes, pool.measured_at = lag, lag + 2**24, now
    pool.tracked_rows, pool.tracked_changes = rows, 2 * rows
    pool.save()


def text_of(html: str) -> str:
    """What a reader sees of it, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())
