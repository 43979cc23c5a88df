"""Do the two nodes fit together: different clusters, versions, clocks?"""

import time
from datetime import datetime

from psycopg import errors

from nodes.postgres.connect import Connection, one
from nodes.postgres.preflight.check import Finding, finding
from nodes.postgres.preflight.place import Place

# The first releases in which a publisher decodes transactions right that were open during ALTER PUBLICATION
# or a first lock on a published table; before them their changes could be lost. From the release notes of
# 2025-05-08; 18 and later were published with the fix.
_DECODES_RIGHT = {13: 21, 14: 18, 15: 13, 16: 9, 17: 5}
_OLDEST = {"source": 14, "copy": 16}
_CLOCK_SECONDS = 1.0


def same_cluster(place: Place) -> Finding:
    """The two strings lead to two clusters, also where only the address or the database differs."""
    source, copy = place.source.session(), place.copy.session()
    identifiers = (identifier(source), identifier(copy))
    same_identifier = None not in identifiers and identifiers[0] == identifiers[1]
    needed = "two different clusters"
    # The moment of the start (in microseconds) and the port need no right, and tell a clone from the same.
    if _postmaster(source) == _postmaster(copy):
        observed = (
            f"one server, port {source.info.port}, system identifier {identifiers[0] or 'not readable'}"
        )
        return finding(
            False,
            observed,
            needed,
            "Give the copy another server: initdb a new cluster, start it, and name it.",
        )
    if same_identifier:
        observed = f"two servers with system identifier {identifiers[0]}: one is a physical copy of the other"
        return finding(
            False,
            observed,
            needed,
            "Make the copy with initdb, not from a base backup or a clone of the source.",
        )
    return finding(True, f"system identifiers {identifiers[0]} and {identifiers[1]}", needed, "")


def identifier(session: Connection) -> int | None:
    """What tells a cluster from every other one but its physical copies; None where we may not read it."""
    try:
        return int(one(session, "select system_identifier from pg_control_system()"))
    except errors.InsufficientPrivilege:
        return None


def _postmaster(session: Connection) -> tuple[datetime, str]:
    started = one(session, "select pg_postmaster_start_time()")
    return started, str(one(session, "show port"))


def version(place: Place) -> Finding:
    """Source 14 or later; copy 16 or later (origin=none, streaming=parallel), not older than the source."""
    source, copy = place.source.version // 10000, place.copy.version // 10000
    return finding(
        source >= _OLDEST["source"] and copy >= max(_OLDEST["copy"], source),
        f"source {source}, copy {copy}",
        f"source {_OLDEST['source']} or later, copy {max(_OLDEST['copy'], source)} or later",
        "Give a copy of a later version; if the two were exchanged by mistake, exchange them.",
    )


def minor_version(place: Place) -> Finding:
    """The server decodes without the known loss; either node is a publisher, the copy after the swap."""
    return minor_version_finding(place.node.version)


def minor_version_finding(number: int) -> Finding:
    """The same for a server_version_num."""
    major, minor = divmod(number, 10000)
    needed = _DECODES_RIGHT.get(major, 0)
    return finding(
        minor >= needed,
        f"{major}.{minor}",
        f"{major}.{needed} or later",
        f"Update to the latest {major}.x and restart: before {major}.{needed} logical replication can lose "
        "changes of transactions that are open while a table is added to a publication.",
        otherwise="warning",
    )


def clock(place: Place) -> Finding:
    """The two servers' clocks agree, so that times on the screen can be compared."""
    return clock_finding(_offset(place.copy.session()) - _offset(place.source.session()))


def clock_finding(seconds: float) -> Finding:
    """The same for a difference, copy minus source, in seconds."""
    return finding(
        abs(seconds) <= _CLOCK_SECONDS,
        f"the copy's clock is {abs(seconds):.1f} s {'ahead' if seconds >= 0 else 'behind'}",
        f"at most {_CLOCK_SECONDS:g} s of difference",
        "Set both hosts' clocks by NTP, for example: chronyc makestep",
        otherwise="warning",
    )


def _offset(session: Connection) -> float:
    """The server's clock minus ours, in seconds, from the quickest of three questions."""
    measured = []
    for _ in range(3):
        before = time.time()
        theirs = float(one(session, "select extract(epoch from clock_timestamp())"))
        after = time.time()
        measured.append((after - before, theirs - (before + after) / 2))
    return min(measured)[1]


def identifier_length(place: Place) -> Finding:
    """Names of the source are not cut on the copy (a compile-time setting, NAMEDATALEN)."""
    source, copy = (int(one(n.session(), "show max_identifier_length")) for n in (place.source, place.copy))
    return finding(
        copy >= source,
        f"source {source}, copy {copy} bytes",
        f"copy {source} bytes or more",
        "Give a copy built with the source's NAMEDATALEN.",
    )
