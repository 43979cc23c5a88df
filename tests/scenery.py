"""A portal as it looks on a real night: four pairs, each at another point.

`shop` is in step, and a role swap is asked for; `crm` is being copied; `billing` is suspended with somebody
in the way; `hr` is calm.
"""

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from nodes import properties
from nodes.models import Pair, StoragePool, SwapRequest
from tests import qsys2
from tests.portal import (
    make_people,
    make_root,
    make_samples,
    make_stuck_pair,
    make_synchronizing_pair,
    propose,
)
from tests.scenery_health import make_health_of
from tests.scenery_lists import fill_lists
from tests.scenery_work import make_compares, make_copying_pair, make_hand_overs, make_preflight
from tracking.models import HandOver, Inventory, ObjectCount, TableCopy, set_state
from tracking.models.totals import ListTotal

CONNINFO = "host={} port=5432 user=mwa password=sesame"
TABLES = (
    ("public", "customers", 184_220, 71), ("public", "orders", 2_914_005, 612),
    ("public", "order_lines", 11_480_731, 1_904), ("public", "products", 42_118, 38),
    ("public", "stock_levels", 126_354, 22), ("public", "baskets", 96_402, 41),
    ("public", "addresses", 231_870, 64), ("public", "product_images", 88_204, 5_210),
    ("public", "price_history", 3_307_912, 288), ("audit", "logins", 8_120_044, 940),
    ("audit", "changes", 5_204_118, 1_310), ("public", "vouchers", 12_005, 3),
)  # fmt: skip
COUNTS = {
    "table": 64, "index": 171, "view": 22, "function": 58, "sequence": 41, "trigger": 37, "type": 9,
    "ROLE": 14, "SETTING": 3, "rows of tables": 31_804_983,
}  # fmt: skip


def make_scenery() -> None:
    """All of it; the people as `make_people` makes them."""
    people = make_people()
    pair = make_shop()
    ask_for_swap(pair, people["olga"])
    fill_lists(pair)
    make_compares(pair)
    make_health_of(pair)
    make_preflight(pair)
    make_copying_pair("crm")
    make_suspended("billing")
    calm = make_synchronizing_pair("hr")
    make_samples(calm.pools.get(), hours=2)
    for each in Pair.objects.select_related("source", "copy"):
        each.pools.filter(database="shop").update(database=each.name)
        for node in (each.source, each.copy):
            node.conninfo = CONNINFO.format(f"{node.name}.db.internal")
            node.save()
    Pair.objects.update(
        asked_by="olga", lease_owner="engine mover1:812", lease_until=timezone.now() + timedelta(hours=2)
    )
    assert ListTotal.objects.exists()  # what the triggers count is what the pages show


def make_shop() -> Pair:
    """In step, with two databases and a tree of files."""
    pair, now = make_synchronizing_pair("shop"), timezone.now()
    first = pair.pools.get()
    second = StoragePool.objects.create(
        pair=pair, number=2, database="shop_reports", step="MIRRORED", lag_bytes=48_200,
        wal_held_bytes=2**21, measured_at=now,
    )  # fmt: skip
    set_state(second, "ACTIVE", "REPLICATING")
    for pool in (first, second):
        make_samples(pool, hours=2)
        make_hand_overs(pool)
        Inventory.objects.create(
            pool=pool, counted_at=now - timedelta(minutes=4), way_back="wal_level logical"
        )
        for name, count in COUNTS.items():
            ObjectCount.objects.create(pool=pool, object_type=name, count=count // pool.number)
    _copied(first)
    make_root(pair, "/srv/shop/media", "/srv/shop/media-new", exclusions="*.tmp\ncache/")
    properties.change(pair, {"parallel_degree": "8", "savactwait_seconds": "60"}, "olga")
    properties.change(pair, {"lag_limit_bytes": "512 MB"}, "oskar")
    properties.change(second, {"parallel_degree": "2", "auto_resume": "False"}, "olga")
    propose(first, "EXCLUDE", "staging", label="before the swap")
    propose(first, "EXCLUDE", "public", "table", "import_scratch", label="before the swap")
    return pair


def _copied(pool: StoragePool) -> None:
    ended = timezone.now() - timedelta(hours=20)
    TableCopy.objects.bulk_create(
        TableCopy(
            pool=pool, schema=schema, name=name, state="COPIED", rows=rows, rows_total=rows,
            bytes=megabytes * 2**20, bytes_total=megabytes * 2**20, ended_at=ended,
            started_at=ended - timedelta(seconds=5 + megabytes // 60),
        )
        for schema, name, rows, megabytes in TABLES
    )  # fmt: skip


def ask_for_swap(pair: Pair, by: User) -> None:
    """One is asked for now; an earlier one there and back has been carried out."""
    steps = [("fence", 41.2), ("drain", 118.7), ("last rounds", 12.4), ("sequences", 8.9), ("open", 36.3)]
    began = timezone.now() - timedelta(hours=9)
    SwapRequest.objects.create(
        pair=pair, plan=SwapRequest.plan_for(pair), digest="", state="COMPLETE", requested_by=by,
        requested_at=began, decided_by=User.objects.get(username="artur"),
        decided_at=began + timedelta(minutes=2), started_at=began + timedelta(minutes=2),
        ended_at=began + timedelta(minutes=2, seconds=3),
        steps=[{"database": "shop", "name": name, "ms": ms, "text": ""} for name, ms in steps],
    )  # fmt: skip
    SwapRequest.request(pair, by)


def make_suspended(name: str) -> None:
    """Resumed again and again, while somebody does not end his transaction."""
    pair = make_stuck_pair(name, application="month-end report", query="select sum(amount) from invoices")
    pool = pair.pools.get()
    make_samples(pool, rows=1_840)
    set_state(pool, "TRACKING", "SUSPENDED", 9070)
    make_hand_overs(pool)
    qsys2.on_sheet(pool, 1)
    for table, changes, keys, whole in (
        ("invoices", 3_120, 1_204, ""), ("payments", 944, 636, ""),
        ("reminders", 96_402, 0, "share above 30 %"),
    ):  # fmt: skip
        qsys2.track(pool, table, changes=changes, keys=keys, whole=whole)
    run = HandOver.begin(pool)
    for part in ("0", "1.1", "1.2"):
        run.enter(part, None)
    run.end("FAILED", "pid 4711 (shop, month-end report) has not ended within 120 s")
