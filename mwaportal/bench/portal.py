"""`portal-page-first`, `-deep`, `-filtered`, `portal-change`: a page of a list of 1,000,000 entries.

MWA_BENCH_ENTRIES says how many. The time is that of a whole request of somebody who is signed in, without the
network. Of each kind of page the 95th percentile over all lists is given; needed are 100 ms. The change is
measured by a portal of its own (portal_change.py).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .bed import line

REQUESTS = 20  # of each page of each list
_SEED = Path(__file__).with_suffix(".sql")


def run() -> Iterator[dict[str, Any]]:
    """The first page, one in the middle, and filtered ones."""
    home = tempfile.mkdtemp(prefix="mwa-bench-")
    os.environ |= {"MWA_HOME": home, "DJANGO_SETTINGS_MODULE": "mwaportal.settings"}
    import django
    from django.core.management import call_command

    from mwaportal import portaldb

    portaldb.ensure_running()
    try:
        django.setup()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        _seed(int(os.environ.get("MWA_BENCH_ENTRIES", "1000000")))
        yield from _pages()
    finally:
        portaldb.release()
        shutil.rmtree(home, ignore_errors=True)
    command = [sys.executable, "-m", "mwaportal.bench", "portal_change"]
    yield from map(
        json.loads, subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    )


def _pages() -> Iterator[dict[str, Any]]:
    from tracking.listing.lists import LISTS

    client = _signed_in()
    asked = {
        "portal-page-first": {key: [f"/pairs/bench/{key}/"] for key in LISTS},
        "portal-page-deep": {key: [_in_the_middle(key)] for key in LISTS},
        "portal-page-filtered": {key: _filtered(key) for key in LISTS},
    }
    for name, pages in asked.items():
        times = []
        for key, addresses in pages.items():
            found = [_time(client, chosen) for chosen in addresses for _ in range(REQUESTS)]
            sys.stderr.write(f"{name}: {key} {_p95(found):.0f} ms\n")
            times += found
        yield line(name, _p95(times), "ms", "needed", 100)


def _time(client: Any, address: str) -> float:
    """Milliseconds; the page has rows, and none is the answer of a filter that could not be read."""
    began = time.monotonic()
    answer = client.get(address)
    took = (time.monotonic() - began) * 1000
    page = answer.content.decode()
    if answer.status_code != 200 or '<tr id="row-none"' in page or "cannot be read" in page:
        raise RuntimeError(f"{address} answered {answer.status_code} and no entries")
    return took


def _in_the_middle(key: str) -> str:
    """The address of a page behind half of the entries."""
    from urllib.parse import urlencode

    from django.db import connection

    from tracking.listing import cursor, keyset
    from tracking.listing.lists import LISTS

    spec = LISTS[key]
    sort = next(sort for sort in spec.sorts if sort.offered and not sort.ranked)
    with connection.cursor() as found:
        found.execute(
            f"select id, {sort.column}::text from {spec.relation} v order by 2, 1 offset %s limit 1",
            [_entries(found, spec.relation) // 2],
        )
        pk, value = found.fetchone()
    mark = cursor.written(cursor.Mark(keyset.Position(0, value, pk)), key, sort.key)
    return f"/pairs/bench/{key}/?{urlencode({'sort': sort.key, 'at': mark})}"


def _entries(cursor: Any, relation: str) -> int:
    cursor.execute(f"select count(*) from {relation}")
    return cursor.fetchone()[0]


def _filtered(key: str) -> list[str]:
    """A filter for what is rare, a search, and both, as far as the list has them."""
    words = {"paths": "invoice_a", "migrated-files": "invoice_a", "objects": "object a", "tables": "table_a"}
    rare = {"definitions": "FAILED", "objects": "FAILED", "paths": "FAILED", "attempts": "FAILED"}
    search, state = f"q={words.get(key, 'view_a')}", f"state={rare[key]}" if key in rare else ""
    both = [search, state, f"q=invoice_&{state}" if key == "paths" else ""]
    wanted = ["type=M", "state=ACTIVE"] if key == "journal" else both
    return [f"/pairs/bench/{key}/?{query}" for query in wanted if query]


def _signed_in() -> Any:
    from django.contrib.auth.models import Group, User
    from django.test import Client

    user = User.objects.create(username="bench")
    user.groups.add(Group.objects.get(name="Administrators"))
    client = Client(HTTP_HOST="localhost")
    client.force_login(user)
    return client


def _seed(entries: int) -> None:
    """Indexes of lists are made anew behind the entries: that takes a quarter of the time."""
    from django.db import connection

    from nodes.models import FileRoot, Node, Pair, StoragePool
    from tracking.listing import totals

    nodes = [Node.objects.create(name=name, conninfo="host=none", version=18) for name in ("a", "b")]
    pair = Pair.objects.create(name="bench", source=nodes[0], copy=nodes[1])
    pool = StoragePool.objects.create(pair=pair, number=1, database="bench")
    root = FileRoot.objects.create(pair=pair, number=1, source="/srv/a", copy="/srv/b")
    given = {"pool": pool.pk, "root": root.pk, "pair": pair.name, "entries": entries}
    with connection.cursor() as cursor:
        cursor.execute("select indexdef from pg_indexes where indexname like 'listed\\_%'")
        indexes = [definition for (definition,) in cursor.fetchall()]
        for definition in indexes:
            cursor.execute(f"drop index {definition.split()[2]}")
        for statement in filter(str.strip, _SEED.read_text().split(";\n")):
            cursor.execute(statement, given)
        for definition in indexes:
            cursor.execute(definition)
        totals.fold()
        cursor.execute("vacuum analyze")


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]
