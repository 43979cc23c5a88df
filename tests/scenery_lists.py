"""Entries of every list, for the scenery: some of each state, under names as a shop has them."""

from datetime import timedelta

from django.utils import timezone

from nodes.models import Pair, StoragePool
from tests.portal import carried, owe
from tracking.models import Attempt, DefinitionEntry, MigratedObject, OtherObject

_ENGINE = "engine mover1:812"
_DEFINITIONS = (
    ("CREATE VIEW", "view", "public.open_orders", "FAILED", 'column o.shipped_on does not exist', ""),
    ("ALTER TABLE", "table", "public.vouchers", "READY", "", ""),
    ("CREATE FUNCTION", "function", "public.vat_of(numeric, text)", "FAILED",
     'language "plpython3u" does not exist', "DEFERRED"),
    ("CREATE INDEX", "index", "public.orders_by_day", "MIGRATING", "", ""),
    ("COMMENT", "table", "public.products", "FAILED", "permission denied for table products", "OMITTED"),
    ("ALTER TYPE", "type", "public.order_state", "READY", "", ""),
)  # fmt: skip
_OBJECTS = (
    ("ROLE", "", "report_reader", "missing", "FAILED", "role warehouse, which it is in, is missing", ""),
    ("SETTING", "", "work_mem", "differs", "READY", "", ""),
    ("EXTENSION", "", "pg_trgm", "missing", "INELIGIBLE", "Its files are not on the secondary.", ""),
    ("TABLESPACE", "", "fast_ssd", "missing", "FAILED", 'directory "/ssd/pg" does not exist', "DEFERRED"),
    ("LARGE OBJECT", "", "24817", "differs", "READY", "", ""),
)  # fmt: skip
_MIGRATED = (
    ("view", "public", "public.best_sellers", None, 3), ("function", "public", "public.slug(text)", None, 1),
    ("ROLE", "", "checkout", None, 1), ("index", "public", "public.orders_by_customer", 41 * 2**20, 1),
    ("table", "public", "public.order_lines", 1_904 * 2**20, 1),
    ("LARGE OBJECT", "", "24816", 88_204, 4),
    ("trigger", "public", "stock_moved on public.stock_levels", None, 2),
)  # fmt: skip
_ATTEMPTS = (
    ("CREATE VIEW", "view", "public.open_orders", "FAILED", "column o.shipped_on does not exist", ""),
    ("CREATE FUNCTION", "function", "public.slug(text)", "CARRIED", "", ""),
    ("COMMENT", "table", "public.products", "OMITTED", "", "olga"),
    ("CREATE FUNCTION", "function", "public.vat_of(numeric, text)", "DEFERRED", "", "oskar"),
    ("CREATE VIEW", "view", "public.best_sellers", "SUPERSEDED", "", ""),
    ("GRANT", "table", "public.baskets", "BY HAND", "", "olga"),
)  # fmt: skip
_PATHS = (
    (b"products/2026/11/4711-front.jpg", "FAILED", "no space left on device", ""),
    (b"products/2026/11/4711-back.jpg", "READY", "", ""),
    (b"invoices/2026-11-25/INV-088120.pdf", "FAILED", "permission denied", "DEFERRED"),
    (b"invoices/2026-11-26/INV-088301.pdf", "READY", "", ""),
    (b"export/datev.csv", "MIGRATING", "", ""),
    (b"banners/black-friday.webp", "FAILED", "its owner, uid 1017, is unknown on the copy", "OMITTED"),
)  # fmt: skip


def fill_lists(pair: Pair) -> None:
    """Some entries in each list of the pair and of its first pool and root."""
    pool = pair.pools.first()
    _of_library(pool)
    _of_files(pair)


def _of_library(pool: StoragePool) -> None:
    now = timezone.now()
    for number, (command, kind, identity, state, failure, aside) in enumerate(_DEFINITIONS, 1):
        at = now - timedelta(minutes=3 * number)
        DefinitionEntry.objects.create(
            pool=pool, number=number, command=command, object_type=kind, schema_name="public",
            identity=identity, tracked_at=at, failure=failure, failure_job=_ENGINE if failure else "",
            **_standing(state, aside, at),
        )  # fmt: skip
    for number, (kind, library, name, change, state, why, aside) in enumerate(_OBJECTS):
        at = now - timedelta(minutes=5 * number + 2)
        OtherObject.objects.create(
            pool=pool, object_type=kind, library=library, name=name, change=change, why=why, tracked_at=at,
            **_standing(state, aside, at),
        )  # fmt: skip
    for number, (kind, schema, identity, size, count) in enumerate(_MIGRATED):
        at = now - timedelta(minutes=17 * number + 1)
        MigratedObject.objects.create(
            pool=pool, object_type=kind, schema_name=schema, identity=identity, size=size, count=count,
            tracked_at=at - timedelta(seconds=40), started_at=at - timedelta(seconds=2), ended_at=at,
        )  # fmt: skip
    for number, (command, kind, identity, outcome, message, by) in enumerate(_ATTEMPTS):
        at = now - timedelta(minutes=11 * number + 1)
        Attempt.objects.create(
            pool=pool, command=command, object_type=kind, schema_name="public", identity=identity,
            started_at=at - timedelta(seconds=1), ended_at=at, outcome=outcome, message=message,
            job="" if by else _ENGINE, by=by,
        )  # fmt: skip


def _of_files(pair: Pair) -> None:
    root, now = pair.file_roots.get(), timezone.now()
    for path, state, failure, aside in _PATHS:
        owe(
            root, path, state, failure=failure, failure_job=_ENGINE if failure else "",
            set_aside=aside, set_aside_by="olga" if aside else "", set_aside_at=now if aside else None,
            started_at=now if state == "MIGRATING" else None,
        )  # fmt: skip
    for number in range(12):
        carried(
            root, b"invoices/2026-11-26/INV-%06d.pdf" % (88_300 - number), 19 * number, 48_000 + 731 * number
        )


def _standing(state: str, aside: str, at) -> dict[str, object]:
    given = {"set_aside_by": "olga", "set_aside_at": at} if aside else {}
    began = {"started_at": timezone.now()} if state == "MIGRATING" else {}
    return {"state": state, "set_aside": aside, **given, **began}
