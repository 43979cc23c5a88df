"""Planner statistics for a copy that has just been filled."""

from pathlib import Path

from psycopg import sql

from nodes.postgres.connect import connect

from .workers import each

_RELATIONS = Path(__file__).with_name("analyze.sql").read_text()
_PURPOSE = "save analyze"


def analyze(copy_conninfo: str, jobs: int) -> None:
    """ANALYZE every table of the copy, the largest first, `jobs` at a time; may be done again."""

    def one(relation: tuple[str, str]) -> None:
        with connect(copy_conninfo, _PURPOSE) as session:
            session.execute(sql.SQL("analyze {}").format(sql.Identifier(*relation)))

    with connect(copy_conninfo, _PURPOSE) as copy:
        relations: list[tuple[str, str]] = copy.execute(_RELATIONS).fetchall()
    each(relations, one, jobs)
