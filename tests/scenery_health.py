"""What was measured and recorded of a pair, for the scenery."""

from datetime import timedelta

from django.utils import timezone

from nodes.models import Pair
from nodes.postgres.health.figures import Database, HeldSlot, Limit, OldTransaction, Sender, Worker
from tests.health import figures, make_room
from tracking.models import Alert, Beyond, Message, NodeHealth, RecorderLine

_LINES = (
    (3, "ENGINE", 2, "shop", "step MIRRORED, nothing to do", None),
    (11, "FILES", 2, "/srv/shop/media", "carried 12 files, 0.6 MB", 0.41),
    (19, "DEFINITIONS", 1, "shop", "CREATE VIEW public.open_orders failed: no column o.shipped_on", 0.02),
    (42, "OTHERS", 2, "shop", "looked at 14 roles and 3 settings", 0.18),
    (58, "COMPARE", 2, "shop_reports", "17 of 40 tables, 3,204,118 rows", 78.2),
    (90, "HEALTH", 1, "", "slot mwa_old_1_f of node old-shop holds 9.0 GB of log; allowed is 2.0 GB", None),
    (130, "PORTAL", 2, "", "olga asked for a role swap", None),
    (150, "RESYNC", 2, "shop", "hand-over complete: 1,204 rows in 3 rounds, Z is 2A/1F0088C0", 14.6),
    (171, "CAPTURE", 2, "shop", "read up to 2A/1F0088C0", 0.003),
    (204, "FILES", 0, "/srv/shop/media", "products/2026/11/4711-front.jpg: no space left on device", None),
)  # fmt: skip
_TOLD = (
    ("CPI3710", "Checkpoint processing began"), ("CPI3712", "Checkpoint reached: 12 tables of shop"),
    ("", "Hand-over of *SYSBAS: both nodes at 2A/1F0088C0, and the stream is on"),
    ("", "Role swap 2 was asked for by olga"),
)  # fmt: skip


def make_health_of(pair: Pair) -> None:
    """Both nodes measured, two alerts open, lines in the recorder, messages."""
    slot = pair.pools.first().slot()
    limits = [Limit("max_connections", 120, 37), Limit("max_replication_slots", 20, 3)]
    source = figures(
        limits=limits,
        databases=[Database("shop", 48 * 2**30), Database("shop_reports", 11 * 2**30)],
        slots=[
            HeldSlot(slot, "logical", "shop", 4_711, False, 65_536, "reserved", None, None, ""),
            HeldSlot("mwa_old_1_f", "logical", "shop", None, False, 9 * 2**30, "extended", None, None, ""),
        ],
        senders=[Sender(4_711, "mwa", slot, "10.0.0.7", "streaming", "async", 3_600.0, 2_400)],
        transactions=[
            OldTransaction(
                812, "report", "shop", "nightly", 1_260.0, False, 48_112, "active",
                "select customer, sum(total) from orders group by 1",
            ),
            OldTransaction(None, "app", "shop", "", 95.0, True, 1_200, "prepared", "order-17"),
        ],
    )  # fmt: skip
    copy = figures(
        180004,
        limits=limits,
        databases=[Database("shop", 41 * 2**30), Database("shop_reports", 10 * 2**30)],
        workers=[Worker(slot, "shop", True, 991, "apply", 3_600.0, "idle", 0.4, 0, 0)],
        missing={"volumes": "the node's data directory cannot be seen from here"},
        volumes=[],
    )
    NodeHealth.note(pair, pair.source, source.as_json())
    NodeHealth.note(pair, pair.copy, copy.as_json())
    make_room(pair.file_roots.get())
    _alerts(pair)
    now = timezone.now()
    RecorderLine.objects.bulk_create(
        RecorderLine(
            pair=pair, at=now - timedelta(seconds=ago), component=component, level=level, place=place,
            text=text, seconds=seconds,
        )
        for ago, component, level, place, text, seconds in reversed(_LINES)
    )  # fmt: skip
    for code, text in _TOLD:
        Message.objects.create(pair=pair, code=code, text=text)


def _alerts(pair: Pair) -> None:
    held = "slot mwa_old_1_f of node old-shop, read by nobody, holds 9.0 GB of log; allowed is 2.0 GB"
    old = "transaction of report in database shop (pid 812) is open for 21 min; allowed is 10 min"
    found = [
        Beyond("WAL", "mwa_old_1_f", 9 * 2**30, 2 * 2**30, held, pair.source),
        Beyond("TRANSACTION", "", 1_260, 600, old, pair.source),
        Beyond("CLOCK", "", 2, 1, "the clocks of old-shop and new-shop differ by 2.000 s; allowed is 1 s"),
    ]
    Alert.settle(pair, found, [], timezone.now() - timedelta(minutes=7))
    for _ in range(2):
        Alert.settle(pair, found[:2], [], timezone.now())
