"""Figures of nodes as they are measured, and what is recorded, for the tests of the pages."""

from dataclasses import replace
from datetime import timedelta

from django.utils import timezone

from nodes.models import Pair
from nodes.postgres.health.figures import (
    Clock,
    Database,
    Figures,
    HeldSlot,
    Limit,
    OldTransaction,
    OurSessions,
    Sender,
    Server,
    Volume,
    Wal,
    Worker,
)
from tracking.models import Alert, Beyond, FileRoom, NodeHealth, RecorderLine


def figures(version: int = 160014, **values) -> Figures:
    """Of a node that is at work."""
    seen = Figures(
        Server(version, 93_784.0, False, 10**12), Clock(0.002, 0.001),
        Wal(2_147_483_648, 4 * 2**30, 0, None, 3_400_000.0),
        [Volume("data directory", "/var/lib/postgresql/16/main", 200 * 2**30, 30 * 2**30)],
        [Database("shop", 48 * 2**30), Database("postgres", 8 * 2**20)],
        limits=[Limit("max_connections", 120, 37), Limit("max_replication_slots", 20, 20)],
        sessions=[OurSessions("engine", 2, 0, 3_600.0)],
    )  # fmt: skip
    return replace(seen, **values)


def make_health(pair: Pair) -> None:
    """Both nodes measured, with slots, workers, transactions and sessions."""
    slot = pair.pools.first().slot()
    source = figures(
        slots=[
            HeldSlot(slot, "logical", "shop", 4_711, False, 65_536, "reserved", None, None, ""),
            HeldSlot("mwa_0badf0_1_f", "logical", "shop", None, False, 9 * 2**30, "extended", None, None, ""),
        ],
        senders=[Sender(4_711, "mwa", slot, "10.0.0.7", "streaming", "async", 3_600.0, 2_400)],
        transactions=[
            OldTransaction(812, "report", "shop", "nightly", 1_260.0, False, 48_112, "active", "select <b>1"),
            OldTransaction(None, "app", "shop", "", 95.0, True, 1_200, "prepared", "order-17"),
        ],
    )
    copy = figures(
        180004,
        workers=[Worker(slot, "shop", True, 991, "apply", 3_600.0, "idle", 0.4, 0, 0)],
        missing={"volumes": "the node's data directory cannot be seen from here"},
        volumes=[],
    )
    NodeHealth.note(pair, pair.source, source.as_json())
    NodeHealth.note(pair, pair.copy, copy.as_json())


def make_alerts(pair: Pair) -> list[Alert]:
    """Two that are open, and one that is over."""
    text = "slot mwa_0badf0_1_f of node old, read by nobody, holds 9.0 GB of log; allowed is 2.0 GB"
    found = [
        Beyond("WAL", "mwa_0badf0_1_f", 9 * 2**30, 2 * 2**30, text, pair.source),
        Beyond("TRANSACTION", "", 1_260, 600, "a transaction <b>of report</b> has been open", pair.source),
        Beyond("CLOCK", "", 2, 1, "the clocks differ by 2.000 s; allowed is 1 s"),
    ]
    begun, _ = Alert.settle(pair, found, [], timezone.now() - timedelta(minutes=7))
    for _ in range(2):
        Alert.settle(pair, found[:2], [], timezone.now())
    return begun[:2]


def make_room(root, free: int = 3 * 2**30) -> None:
    """Of a file root's copy."""
    FileRoom.objects.create(
        root=root, path=root.copy, total_bytes=10 * 2**30, free_bytes=free, measured_at=timezone.now()
    )


def make_lines(pair: Pair, number: int, text: str = "step {}", **values) -> None:
    """So many lines, a second apart, the last one now."""
    now = timezone.now()
    given = {"component": "ENGINE", "level": 2, **values}
    RecorderLine.objects.bulk_create(
        RecorderLine(pair=pair, at=now - timedelta(seconds=number - n), text=text.format(n), **given)
        for n in range(1, number + 1)
    )
