"""What the tests of the preflight share: one check out of a run, and what a node holds."""

import subprocess

from nodes.postgres import preflight
from nodes.postgres.connect import connect
from nodes.postgres.preflight import Check, Options
from nodes.postgres.programs import program
from tests.conftest import Database


def look(database: Database, **options) -> list[Check]:
    """All checks of one database of the two servers."""
    return preflight.run(
        database.source_conninfo, database.copy_conninfo, [database.name], Options(**options)
    )


def the(checks: list[Check], name: str, node: str | None = None) -> Check:
    """The one check of this name, on this node if one is given."""
    (check,) = [check for check in checks if check.name == name and node in (None, check.node)]
    if check.status != "passed":
        assert check.observed and check.needed and check.remedy
    return check


def texts(checks: list[Check]) -> str:
    """Everything that a run says."""
    return repr(checks) + preflight.report(checks)


def held(conninfo: str) -> tuple[str, list[tuple]]:
    """Everything a node holds: all definitions of all databases and roles, and its replication objects."""
    dump = subprocess.run(
        [program("pg_dumpall"), "--schema-only", "--restrict-key=same", "--dbname", conninfo],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    with connect(conninfo, "test") as session:
        replication = session.execute("""
            select 'subscription', subname::text from pg_subscription
            union all select 'slot', slot_name::text from pg_replication_slots
            union all select 'origin', roname from pg_replication_origin
            union all select 'publication', pubname::text from pg_publication
            union all select 'setting', name || ' ' || setting from pg_file_settings order by 1, 2
        """).fetchall()
    return dump, replication
