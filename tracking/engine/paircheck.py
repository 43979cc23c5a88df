"""Preflight of a whole pair: its nodes, its databases and its file roots; and making what the copy lacks."""

import contextlib
from dataclasses import dataclass, field

from nodes.models import Pair
from nodes.postgres import preflight
from nodes.postgres.connect import Unreachable, connect, one
from nodes.postgres.preflight import Check, Options

from . import filecheck


@dataclass(frozen=True)
class Looked:
    """Every check, and a line for each database that was made."""

    checks: list[Check]
    made: list[str] = field(default_factory=list)


def run(pair: Pair, *, create_databases: bool = False) -> Looked:
    """Look for what would go wrong; nothing is touched, but for databases of the copy where that is asked.

    Those are made only if nothing else is in the way. A node that does not answer is a failed check.
    """
    for node in (pair.source, pair.copy):
        with contextlib.suppress(Unreachable):  # the first check says so
            node.learn_version()
    databases = [pool.database for pool in pair.pools.all()]
    where = pair.source.own_conninfo, pair.copy.own_conninfo, databases
    checks = preflight.run(*where, Options(create_database=create_databases))
    made: list[str] = []
    if create_databases and preflight.passed(checks):
        made = [line for database in databases if (line := _create_missing(pair, database))]
        checks = preflight.run(*where)  # now also of what lies in them
    return Looked(checks + filecheck.run(pair), made)


def _create_missing(pair: Pair, database: str) -> str:
    """Empty where it is there already."""
    with connect(pair.copy.own_conninfo, "create database") as copy:
        if one(copy, "select 1 from pg_database where datname = %s", (database,)) is not None:
            return ""
        with connect(pair.source.conninfo_for(database), "create database") as source:
            copy.execute(preflight.create_statement(source))
    return f"database {database} was made on {pair.copy}"
