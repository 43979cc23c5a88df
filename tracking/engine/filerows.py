"""That no row points to a file that is not there: the paths that a root's query returns, on the secondary."""

import time
from collections.abc import Iterator

import psycopg

from nodes.models import FileRoot
from nodes.postgres.connect import Connection, connect
from tracking.ifs.compare import dangling, named
from tracking.ifs.drain import Place
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


def found_before(root: FileRoot, place: Place, session: Connection) -> set[bytes]:
    """The paths that rows name and that are on the secondary by now; raises `SwapRefused` for a bad query."""
    with place.opened() as opened:
        paths = _paths(root, place, session, _LONGEST_SECONDS)
        return {path for path in paths if not dangling(opened, [path])}


def refuse_dangling(
    root: FileRoot, place: Place, session: Connection, found: set[bytes], deadline: float
) -> int:
    """Behind the fence, with all rows and files there: only what was not found before is looked for.

    Returns how many paths the rows name. Raises `SwapRefused` with the first whose file is not there.
    """
    count, missing = 0, []
    with place.opened() as opened:
        for path in _paths(root, place, session, deadline - time.monotonic()):
            count += 1
            if path not in found:
                missing += dangling(opened, [path])
    if missing:
        some = "; ".join(f"{shown(path)} {reason}" for path, reason in missing[:3])
        raise SwapRefused(
            f"{len(missing)} of {count} paths that rows name are not below {root.secondary}: {some};"
            " needed is that each is there"
        )
    return count


def _paths(root: FileRoot, place: Place, session: Connection, seconds: float) -> Iterator[bytes]:
    """What the query returns, relative to the root; nulls are passed over."""
    limit = f"{max(100, int(seconds * 1000))}ms"
    try:
        with session.transaction(), session.cursor("paths") as cursor:
            session.execute("select set_config('statement_timeout', %s, true)", (limit,))
            cursor.itersize = _AT_ONCE
            cursor.execute(root.query)
            for row in cursor:
                if row[0] is not None:
                    yield named(place.root, row[0])
    except psycopg.Error as error:
        raise SwapRefused(f"the query of file root {root}: {str(error).strip()}") from error
