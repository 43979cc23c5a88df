"""What the tests of compare share."""

from nodes.postgres import lsn
from nodes.postgres.connect import one
from tracking.compare.results import CompareOptions
from tracking.compare.table import compare_table

QUICK = CompareOptions(chunk_rows=500, recheck_seconds=0.2, lock_seconds=0.3)


def on_both(database, *statements):
    """Run the statements on the source and on the copy."""
    for connection in (database.source, database.copy):
        for statement in statements:
            connection.execute(statement)


def compared(database, table, options=QUICK, caught_up=lambda position: True, **more):
    """Compare a table of the schema public; by default nothing is on its way to the copy."""
    return compare_table(
        database.source, database.copy, ("public", table), options, caught_up=caught_up, **more
    )


def assert_equal(database, table, rows):
    """The table is equal, and that many rows have been looked at."""
    result = compared(database, table)
    assert (result.verdict, result.reason, result.differences) == ("equal", "", [])
    assert result.rows_compared == rows


def found(result):
    """(kind, key) of each difference."""
    return {(difference.kind, difference.key) for difference in result.differences}


def replicate(database):
    """PostgreSQL's own replication of all tables, from now on; returns whether it has come to a position."""
    name = database.name
    database.source.execute(f"create publication {name} for all tables")
    database.copy.execute(
        f"create subscription {name} connection '{database.source_conninfo}' publication {name}"
        " with (copy_data = false)"
    )

    def caught_up(position):
        # The slot's confirmed position is what the apply worker has committed durably.
        confirmed = one(
            database.source,
            "select confirmed_flush_lsn::text from pg_replication_slots where slot_name = %s",
            (name,),
        )
        return lsn.parse(confirmed) >= position

    return caught_up
