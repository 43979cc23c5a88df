"""That no row points to a file that is not there: the paths that a root's query returns, on the secondary."""

import time
from collections.abc import Iterable, Iterator
from datetime import datetime

import psycopg

from mwaportal.portaldb import portal_conninfo
from nodes.models import FileRoot
from nodes.postgres.connect import Unreachable, connect
from tracking.ifs import history
from tracking.ifs.compare import dangling, named
from tracking.ifs.drain import Place
from tracking.ifs.paths import shown
from tracking.mirror.swap import SwapRefused

_AT_ONCE = 10_000
_LONGEST_SECONDS = 600.0  # before the fence


def found_before(root: FileRoot, place: Place) -> set[bytes]:
    """The paths that rows name and that are on the secondary by now; raises `SwapRefused` for a bad query."""
    if not root.query:
        return set()
    with place.opened() as opened:
        return {path for path in _paths(root, place, _LONGEST_SECONDS) if not dangling(opened, [path])}


def refuse_dangling(
    root: FileRoot, place: Place, found: set[bytes], since: datetime, deadline: float
) -> dict[str, object]:
    """Behind the fence, with all rows there; what was found before and not carried since is passed over.

    Raises `SwapRefused` with the first rows whose file is not on the secondary.
    """
    began = time.monotonic()
    with connect(portal_conninfo(), "file proof") as portal, place.opened() as opened:
        found = found.difference(history.since(portal, root.pk, since))
        count, missing = 0, []
        for path in _paths(root, place, deadline - began):
            count += 1
            if path not in found:
                missing += dangling(opened, [path])
    if missing:
        some = "; ".join(f"{shown(path)} {reason}" for path, reason in missing[:3])
        raise SwapRefused(
            f"{len(missing)} of {count} paths that rows name are not below {root.secondary}: {some};"
            " needed is that each is there"
        )
    took = round((time.monotonic() - began) * 1000, 1)
    text = f"{count} paths that rows name are on the secondary"
    return {"database": str(root), "name": "paths", "ms": took, "text": text}


def _paths(root: FileRoot, place: Place, seconds: float) -> Iterator[bytes]:
    """What the query returns on the secondary, relative to the root; nulls are passed over."""
    try:
        for value in _values(root, max(seconds, 0.1)):
            if value is not None:
                yield named(place.root, value)
    except (psycopg.Error, Unreachable) as error:
        raise SwapRefused(f"the query of file root {root}: {str(error).strip()}") from error


def _values(root: FileRoot, seconds: float) -> Iterable[str | bytes | None]:
    pool = root.query_pool or root.pair.pools.get(number=1)
    conninfo = root.pair.secondary.conninfo_for(pool.database)
    limit = f"{max(1, int(seconds * 1000))}ms"
    with connect(
        conninfo, "file paths", autocommit=False, search_path="public", statement_timeout=limit
    ) as session:
        session.read_only = True
        with session.cursor("paths") as cursor:
            cursor.itersize = _AT_ONCE
            cursor.execute(root.query)
            for row in cursor:
                yield row[0]
