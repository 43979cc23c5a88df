"""The native subscription that carries row changes while a pair is ACTIVE."""

import time
from dataclasses import dataclass

from psycopg import sql
from psycopg.conninfo import make_conninfo

from nodes.postgres import apply_role, lsn
from nodes.postgres.connect import Connection, one, wait_until
from nodes.postgres.unseen import leave_no_trace

_PATIENCE_SECONDS = 2.0
_WORKERS = "from pg_stat_subscription where subname = %s and pid is not null"


@dataclass(frozen=True)
class Subscription:
    """Where a subscription stands. `applied` is what its origin says is on this node."""

    enabled: bool
    worker_pid: int | None
    applied: int
    apply_errors: int


def find(connection: Connection, name: str) -> Subscription | None:
    """The subscription of this database by name."""
    row = connection.execute(
        """
        select s.subenabled, a.pid, coalesce(pg_replication_origin_progress(o.roname, true), '0/0')::text,
               coalesce(e.apply_error_count, 0)
        from pg_subscription s
        join pg_database d on d.oid = s.subdbid and d.datname = current_database()
        left join pg_replication_origin o on o.roname = 'pg_' || s.oid
        left join pg_stat_subscription a on a.subid = s.oid and a.relid is null and a.leader_pid is null
        left join pg_stat_subscription_stats e on e.subid = s.oid
        where s.subname = %s
        """,
        (name,),
    ).fetchone()
    return Subscription(row[0], row[1], lsn.parse(row[2]), row[3]) if row else None


def start_at(
    connection: Connection,
    name: str,
    primary_conninfo: str,
    publication: str,
    position: int,
    *,
    enable: bool = True,
) -> None:
    """Make the subscription anew so that it applies from `position` on; one commit is the hand-over.

    It is made anew each time because only that registers the publication's tables of today while it is
    still disabled. The position becomes durable with the commit.
    """
    conninfo = make_conninfo(primary_conninfo, connect_timeout=5, options="")
    create = sql.SQL(
        "create subscription {} connection {} publication {} with (create_slot = false, slot_name = {},"
        " enabled = false, copy_data = false, origin = none, streaming = parallel, disable_on_error = true)"
    ).format(*map(sql.Identifier, (name,)), conninfo, sql.Identifier(publication), sql.Identifier(name))
    apply_role.ensure(connection)
    with connection.transaction():
        _drop(connection, name)
        leave_no_trace(connection, local=True)  # the statement holds the primary's password
        connection.execute(create)
        oid = one(
            connection,
            "select s.oid from pg_subscription s join pg_database d on d.oid = s.subdbid"
            " and d.datname = current_database() where subname = %s",
            (name,),
        )
        connection.execute(
            sql.SQL("alter subscription {} owner to {}").format(*map(sql.Identifier, (name, apply_role.ROLE)))
        )
        connection.execute(
            "select pg_replication_origin_advance(%s, %s::pg_lsn)", (f"pg_{oid}", lsn.render(position))
        )
        if enable:
            connection.execute(sql.SQL("alter subscription {} enable").format(sql.Identifier(name)))


def stop(connection: Connection, name: str, *, seconds: float = 10.0) -> None:
    """Disable it and wait until its workers have ended; nothing happens where there is none.

    A worker that waits for a lock does not see that it has been disabled: after a moment it is ended.
    """
    if find(connection, name) is None:
        return
    connection.execute(sql.SQL("alter subscription {} disable").format(sql.Identifier(name)))

    patient_until = time.monotonic() + _PATIENCE_SECONDS

    def ended() -> bool:
        end = "pg_terminate_backend(pid)" if time.monotonic() > patient_until else "pid"
        return not connection.execute(f"select {end} {_WORKERS}", (name,)).fetchall()

    wait_until(ended, f"the apply worker of {name} to end", seconds=seconds)


def drop(connection: Connection, name: str) -> None:
    """Drop it without touching the slot on the other node."""
    with connection.transaction():
        _drop(connection, name)


def set_synchronous(connection: Connection, name: str, on: bool) -> None:
    """Whether the worker makes each transaction durable before it reports it."""
    connection.execute(
        sql.SQL("alter subscription {} set (synchronous_commit = {})").format(
            sql.Identifier(name), "on" if on else "off"
        )
    )


def _drop(connection: Connection, name: str) -> None:
    if find(connection, name) is None:
        return
    which = sql.Identifier(name)
    connection.execute(sql.SQL("alter subscription {} disable").format(which))
    connection.execute(sql.SQL("alter subscription {} set (slot_name = none)").format(which))
    connection.execute(sql.SQL("drop subscription {}").format(which))
