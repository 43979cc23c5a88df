"""Transactions that a hand-over would have to wait for."""

from pathlib import Path

from nodes.postgres.preflight.check import Finding, amount, finding
from nodes.postgres.preflight.place import Place

_ACTIVITY = Path(__file__).with_name("activity.sql").read_text()
_PREPARED = """
    select gid, database::text, owner::text, extract(epoch from clock_timestamp() - prepared)::float8
    from pg_prepared_xacts order by prepared
"""


def prepared_transactions(place: Place) -> Finding:
    """No prepared transaction of any database: a new slot waits for all of them, for ever if need be."""
    rows = place.session.execute(_PREPARED).fetchall()
    return finding(
        not rows,
        amount(len(rows), "prepared transaction") if rows else "none",
        "none, in any database of the node",
        "In the database named: "
        + " ".join(f"commit prepared '{gid}';" for gid, *_ in rows[:5])
        + " or rollback prepared.",
        [f"'{gid}' in {database}, owner {owner}, {age:.0f} s" for gid, database, owner, age in rows],
    )


def long_transactions(place: Place) -> Finding:
    """No transaction is older than the limit in the options; reading ones are told from writing ones."""
    limit = place.options.long_transaction_seconds
    rows = place.session.execute(_ACTIVITY, (limit,)).fetchall()
    oldest = max((row[3] for row in rows), default=0.0)
    return finding(
        not rows,
        f"{amount(len(rows), 'transaction')}, the oldest {oldest:.0f} s" if rows else "none",
        f"none older than {limit:g} s: the hand-over has to wait for them",
        "Let them end, or: " + " ".join(f"select pg_terminate_backend({row[0]});" for row in rows[:5]),
        [
            f"pid {pid}, user {user}, database {database}, {age:.0f} s, {'writes' if writes else 'reads'}, "
            f"{state}, query started {started} UTC"
            for pid, user, database, age, started, writes, state in rows
        ],
        otherwise="warning",
    )
