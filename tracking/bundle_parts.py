"""What is in a support bundle, file by file."""

import os
import platform
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import metadata
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import connection, models

from mwaportal.secretbox import EncryptedTextField
from nodes.models import Node, Pair
from nodes.postgres import preflight
from nodes.postgres.connect import describe

from . import exports, recorder_lines
from .models import Alert, FileRoom, HealthSettings, JournalEntry, NodeHealth, RecorderSettings

Make = Callable[[Pair], dict[str, Any]]
Clean = Callable[[str], str]
ROWS, PREFLIGHT_SECONDS = 20_000, 15
_ROWS_A_PIECE = 1_000
_SETTINGS = (
    "HOME", "DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "TRUSTED_PROXIES", "HTTPS", "FILE_HOST",
    "INSTALLED_APPS", "MIDDLEWARE", "SESSION_COOKIE_AGE", "TIME_ZONE",
)  # fmt: skip
_SECRET_WORDS = ("KEY", "SECRET", "PASSWORD", "TOKEN", "URL")
_MESSAGE = ("at", "pool__number", "code", "text")
_ENTRY = (
    "at", "user", "entry_type", "name", "previous_state", "state", "phase_detail", "reason",
)  # fmt: skip


def versions(pair: Pair) -> dict[str, Any]:
    """Of Python and the packages, of the system, of all three servers."""
    with connection.cursor() as cursor:
        cursor.execute("show server_version")
        portal = cursor.fetchone()[0]
    nodes = {row.node.name: row.figures.server.name for row in _health(pair) if row.figures}
    packages = {each.metadata["Name"]: each.version for each in metadata.distributions()}
    return {
        "python": sys.version, "system": platform.platform(), "packages": dict(sorted(packages.items())),
        "portal's database": portal, "nodes": nodes,
    }  # fmt: skip


def portal_settings(pair: Pair) -> dict[str, Any]:
    """Names and values; of what may hold a secret only whether it is set."""
    database = settings.DATABASES["default"]
    ours = {name: value for name, value in sorted(os.environ.items()) if name.startswith("MWA_")}
    return {
        **{name: str(getattr(settings, name)) for name in _SETTINGS},
        "DATABASE": {name: str(database.get(name, "")) for name in ("HOST", "PORT", "NAME", "USER")},
        "CHANNEL_LAYER": settings.CHANNEL_LAYERS["default"]["BACKEND"],
        "ENVIRONMENT": {
            name: "set" if any(word in name for word in _SECRET_WORDS) else value
            for name, value in ours.items()
        },
    }


def the_pair(pair: Pair) -> dict[str, Any]:
    """With everything that was defined for it."""
    pools = list(pair.pools.all())
    return {
        "pair": _values(pair),
        "nodes": [{**_values(node), "leads to": _leads_to(node)} for node in (pair.source, pair.copy)],
        "pools": [_values(pool) for pool in pools],
        "file roots": [_values(root) for root in pair.file_roots.all()],
        "criteria": [_values(rule) for pool in pools for rule in pool.criteria.all()],
        "changes of criteria": [_values(each) for pool in pools for each in pool.criteria_changes.all()],
        "role swaps": [_values(swap) for swap in pair.swaps.all()[:20]],
        "recorder": _values(RecorderSettings.of(pair)),
    }


def the_health(pair: Pair) -> dict[str, Any]:
    """As it was measured last."""
    return {
        "nodes": [_values(row) for row in _health(pair)],
        "thresholds": _values(HealthSettings.of(pair)),
        "alerts": [_values(alert) for alert in Alert.objects.filter(pair=pair)[:200]],
        "rooms": [_values(room) for room in FileRoom.objects.filter(root__pair=pair)],
    }


JSON: dict[str, Make] = {
    "versions.json": versions, "settings.json": portal_settings, "pair.json": the_pair,
    "health.json": the_health,
}  # fmt: skip


def preflight_now(pair: Pair, clean: Clean) -> Iterator[str]:
    """The report, if it is there in time; what runs on ends by itself."""
    said: list[str] = []
    databases = [pool.database for pool in pair.pools.all()]
    ends = (pair.source.own_conninfo, pair.copy.own_conninfo)

    def look() -> None:
        said.append(preflight.report(preflight.run(*ends, databases)))

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(PREFLIGHT_SECONDS)
    yield clean(said[0] if said else f"It did not end within {PREFLIGHT_SECONDS} s.") + "\n"


def lists(pair: Pair, clean: Clean) -> Iterator[tuple[str, Iterator[str]]]:
    """Each list as CSV."""
    journal = JournalEntry.objects.filter(pair_name=pair.name)
    yield "messages.csv", exports.rows_as_csv(_MESSAGE, pair.messages.values_list(*_MESSAGE)[:ROWS], clean)
    yield "journal.csv", exports.rows_as_csv(_ENTRY, journal.values_list(*_ENTRY)[:ROWS], clean)
    yield "recorder.csv", recorder_lines.as_csv(pair, {}, ROWS, clean)
    for view in exports.VIEWS:
        pieces = exports.as_csv(view, pair.name, clean)
        yield f"qsys2/{view}.csv", islice(pieces, 1 + ROWS // _ROWS_A_PIECE)  # the first has the names


def _health(pair: Pair) -> list[NodeHealth]:
    return list(NodeHealth.objects.filter(pair=pair).select_related("node"))


def _leads_to(node: Node) -> str:
    return describe(node.own_conninfo)


def _values(row: models.Model) -> dict[str, Any]:
    """All fields of a row but those that are encrypted."""
    shown = [each for each in row._meta.concrete_fields if not isinstance(each, EncryptedTextField)]
    return {each.attname: getattr(row, each.attname) for each in shown}
