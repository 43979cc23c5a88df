"""Can each node's server itself reach the other one? Its subscription will have to."""

import secrets
import time
from concurrent.futures import ThreadPoolExecutor

from psycopg import Error, Rollback, errors, sql
from psycopg.conninfo import make_conninfo

from nodes.postgres.connect import Connection, Unreachable, connect, one
from nodes.postgres.preflight.check import Finding, finding
from nodes.postgres.preflight.place import Node, Place, redact
from nodes.postgres.unseen import leave_no_trace

_SECONDS = 3.0  # for the publisher to see the visitor: one look takes some milliseconds, most find it at once
_CONNECT_SECONDS = (
    15  # ends a try whose packets are dropped; libpq's own limit does not hold inside the server
)


# With create_slot=false it may run in a transaction, connects as a subscription does, and is rolled back. The
# publication need not exist (PostgreSQL documentation, CREATE SUBSCRIPTION).
_TRY = """
    create subscription {} connection {} publication mwa_preflight
    with (connect = true, create_slot = false, slot_name = none, enabled = false)
"""
_VISITOR = "select exists (select from pg_stat_activity where application_name = %s)"


def source_from_copy(place: Place) -> Finding:
    """The copy's server can open the connection that its subscription will read from."""
    return _reaches(place, place.copy, place.source)


def copy_from_source(place: Place) -> Finding:
    """The source's server can reach the copy: the stream of the way back, set up at the swap."""
    return _reaches(place, place.source, place.copy)


def _reaches(place: Place, subscriber: Node, publisher: Node) -> Finding:
    needed = f"a connection that arrives on the {publisher.side}"
    remedy = (
        f"Let the {subscriber.side}'s host through to the {publisher.side} (firewall, listen_addresses, "
        "pg_hba.conf), and give a connection string that holds on every host: no localhost, the password in "
        "it, no file of this host."
    )
    if not one(subscriber.session(), "select rolsuper from pg_roles where rolname = current_user"):
        return finding(False, "unknown: it takes a superuser to try", needed, remedy, otherwise="warning")
    try:
        arrived = _visit(subscriber, publisher, place.database)
    except errors.QueryCanceled:
        return finding(False, f"no answer within {_CONNECT_SECONDS} s", needed, remedy)
    except (Error, Unreachable) as error:
        message = redact(str(error), publisher.conninfo, subscriber.conninfo).splitlines()[0]
        return finding(False, message, needed, remedy)
    observed = (
        "connected"
        if arrived
        else f"connected, but not to the {publisher.side}: it leads elsewhere from there"
    )
    return finding(arrived, observed, needed, remedy)


def _visit(subscriber: Node, publisher: Node, database: str | None) -> bool:
    """Let the subscriber's server connect, and look on the publisher whether it is there that it arrives.

    A string with localhost or without a host can lead a server to itself, so connecting proves little.
    Raises psycopg's error with the server's reason if it does not connect.
    """
    name = f"mwa_preflight_{secrets.token_hex(4)}"
    target = make_conninfo(publisher.conninfo_in(publisher.nearest(database)), application_name=name)
    statement = sql.SQL(_TRY).format(sql.Identifier(name), sql.Literal(target))
    watch = publisher.session()
    own = subscriber.conninfo_in(subscriber.nearest(database))
    with (
        connect(own, "preflight", statement_timeout=f"{_CONNECT_SECONDS}s") as session,
        ThreadPoolExecutor(1) as pool,
    ):
        # No event trigger shall see a subscription that never was.
        session.execute("set session_replication_role = replica")
        leave_no_trace(session, local=False)
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            attempt, seen = pool.submit(_roll_back, session, statement), False
            while not attempt.done():
                seen = bool(one(watch, _VISITOR, (name,))) or seen
            attempt.result()
            if seen:
                return True
    return False


def _roll_back(session: Connection, statement: sql.Composed) -> None:
    with session.transaction():
        session.execute(statement)
        raise Rollback
