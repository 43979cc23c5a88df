"""That no row points to a file that is not there: the paths that a root's query returns, on the secondary."""

import time
from collections.abc import Iterator
from itertools import islice

import psycopg

from nodes.models import FileRoot
from nodes.postgres.connect import Connection, connect
from tracking.ifs.carrier import Carrier
from tracking.ifs.compare import named
from tracking.ifs.paths import shown
from tracking.mirror.swap import SwapRefused

_AT_ONCE = 10_000
_LONGEST_SECONDS = 600.0  # before the fence


def session_for(root: FileRoot) -> Connection | None:
    """A session for the root's query on the secondary, if it has one."""
    if not root.query:
        return None
    pool = root.query_pool or root.pair.pools.get(number=1)
    conninfo = root.pair.secondary.conninfo_for(pool.database)
    session = connect(conninfo, "file paths", search_path="public", autocommit=False)
    session.read_only = True
    return session


def found_before(root: FileRoot, carrier: Carrier, session: Connection) -> set[bytes]:
    """The paths that rows name and that are on the secondary by now; raises `SwapRefused` for a bad query."""
    found: set[bytes] = set()
    for paths in _paths(root, carrier, session, _LONGEST_SECONDS):
        found.update(set(paths).difference(path for path, _ in carrier.dangling(paths)))
    return found


def refuse_dangling(
    root: FileRoot, carrier: Carrier, session: Connection, found: set[bytes], deadline: float
) -> int:
    """Behind the fence, with all rows and files there: only what was not found before is looked for.

    Returns how many paths the rows name. Raises `SwapRefused` with the first whose file is not there.
    """
    count, missing = 0, []
    for paths in _paths(root, carrier, session, deadline - time.monotonic()):
        count += len(paths)
        if new := [path for path in paths if path not in found]:
            missing += carrier.dangling(new)
    if missing:
        some = "; ".join(f"{shown(path)} {reason}" for path, reason in missing[:3])
        raise SwapRefused(
            f"{len(missing)} of {count} paths that rows name are not below {root.secondary}: {some};"
            " needed is that each is there"
        )
    return count


def _paths(root: FileRoot, carrier: Carrier, session: Connection, seconds: float) -> Iterator[list[bytes]]:
    """What the query returns, relative to the root, many at a time; nulls are passed over."""
    limit = f"{max(100, int(seconds * 1000))}ms"
    try:
        with session.transaction(), session.cursor("paths") as cursor:
            session.execute("select set_config('statement_timeout', %s, true)", (limit,))
            cursor.itersize = _AT_ONCE
            cursor.execute(root.query)
            while rows := list(islice(cursor, _AT_ONCE)):
                yield [named(carrier.place.root, path) for path, *_ in rows if path is not None]
    except psycopg.Error as error:
        raise SwapRefused(f"the query of file root {root}: {str(error).strip()}") from error
