"""Entries of every list of a pair, some of every kind, for the tests of their pages."""

import random
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from nodes.models import FileRoot, Pair
from tests.portal import carried, make_root, make_synchronizing_pair, owe
from tracking.models import (
    Attempt,
    DefinitionEntry,
    JournalEntry,
    MigratedObject,
    OtherObject,
)

HOSTILE = ('<b>&"x"', "x" * 63, "ж" * 63, "new\nline", "a'b;--", "%s{}", "Public", "order.line")


def make_lists(entries: int, *, seed: int = 1, name: str = "shop") -> Pair:
    """A pair with two file roots and so many entries in each list."""
    pair = make_synchronizing_pair(name)
    for number in range(2):
        make_root(pair, f"/srv/{name}{number}", f"/srv/new-{name}{number}")
    more_lists(pair, entries, seed=seed)
    return pair


def more_lists(pair: Pair, entries: int, *, seed: int = 1) -> None:
    """So many entries more in each list."""
    chance, roots, first = random.Random(seed), list(pair.file_roots.all()), DefinitionEntry.objects.count()
    for number in range(first, first + entries):
        _of_library(pair, number, chance)
        _of_files(roots[number % 2], number, chance)


def _of_library(pair: Pair, number: int, chance: random.Random) -> None:
    pool, now = pair.pools.get(), timezone.now() - timedelta(seconds=chance.randrange(30))
    word = chance.choice([*HOSTILE, "view", "order"])
    kind = chance.choice(["view", "function", "type"])
    what = {"object_type": kind, "identity": f"public.{word}_{number}", "schema_name": "public"}
    aside = chance.choice(["", "", "", "OMITTED", "DEFERRED"])
    values = {
        "state": chance.choice(["READY", "FAILED", "INELIGIBLE"]),
        "set_aside": aside,
        "tracked_at": now,
    }
    done = {"done_at": now, "done_by": "olga"} if not aside and chance.random() < 0.2 else {}
    DefinitionEntry.objects.create(
        pool=pool, number=number, command="CREATE", failure="no <i>room", **what, **values, **done
    )
    OtherObject.objects.create(
        pool=pool, object_type=kind.upper(), library="Lib", name=f"{word}{number}", change="missing", **values
    )
    MigratedObject.objects.create(pool=pool, **what, tracked_at=now, ended_at=now, count=1)
    outcome = chance.choice(["CARRIED", "FAILED", "BY HAND"])
    Attempt.objects.create(pool=pool, command="CREATE", ended_at=now, outcome=outcome, message=word, **what)
    JournalEntry.objects.create(
        pair_name=pair.name, at=now, entry_type=chance.choice("CM"), name="MANAGER", state="SYNC"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            _TRACKED, [pool.pk, 1 + number % 2, word, f"t{number}", number % 7, chance.randrange(9)]
        )


def _of_files(root: FileRoot, number: int, chance: random.Random) -> None:
    path = b"invoices/%d/%s" % (number % 3, chance.choice([b"a<b>", b"\xff\xfe", b"line\n", b"Inv_"]))
    path += b"%d" % number
    aside = chance.choice(["", "", "OMITTED", "DEFERRED"])
    owe(root, path, chance.choice(["READY", "FAILED"]), failure="no room", set_aside=aside)
    carried(root, path)


_TRACKED = """
    insert into tracking_trackedtable (pool_id, sheet, schema_name, table_name, key_columns, changes, keys,
                                       first_tracked_at)
    values (%s, %s, %s, %s, '{id}', 1 + %s, %s, now())
"""
