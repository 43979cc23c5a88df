"""Planner statistics for a copy that has just been filled."""

import itertools
import threading
from collections.abc import Callable
from pathlib import Path

from psycopg import sql

from nodes.postgres.connect import connect

from .workers import each

Progress = Callable[[str, int, int], None]
_RELATIONS = Path(__file__).with_name("analyze.sql").read_text()
_PURPOSE = "save analyze"


def analyze(copy_conninfo: str, jobs: int, progress: Progress = lambda what, done, of: None) -> None:
    """ANALYZE every table of the copy, the largest first, `jobs` at a time; may be done again.

    `progress` is told "statistics", how many are done and how many there are, by one thread at a time.
    """
    done = itertools.count(1)
    counting = threading.Lock()

    def one(relation: tuple[str, str]) -> None:
        with connect(copy_conninfo, _PURPOSE) as session:
            session.execute(sql.SQL("analyze {}").format(sql.Identifier(*relation)))
        with counting:
            progress("statistics", next(done), len(relations))

    with connect(copy_conninfo, _PURPOSE) as copy:
        relations: list[tuple[str, str]] = copy.execute(_RELATIONS).fetchall()
    progress("statistics", 0, len(relations))
    each(relations, one, jobs)
