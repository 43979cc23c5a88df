"""Which differences last: rows are read again until the copy has caught up with what was read.

Replication is asynchronous, so a row that is just being written differs for a while. It is only reported
where a later read proves that replication is not going to make it equal:

- The copy is read before the source, then the source's position is taken. Once the copy has replayed up to
  that position, the copy is read before the source again.
- A version that the copy had before and still has, although the source had something else by then, has
  been overtaken: it would have been replaced by now.
- If the source still has the version it had, the copy should have exactly that.
- A row that keeps changing is equal as soon as the copy shows anything that the source had meanwhile.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from psycopg import sql

from nodes.postgres import lsn
from tracking.compare.reads import Reader, Sight, State
from tracking.compare.results import NotComparable
from tracking.compare.session import BY_INDEX, Nodes, Rows, Settings, Statement

CaughtUp = Callable[[int], bool]
_POSITION = sql.SQL("select pg_current_wal_insert_lsn()::text, current_setting('wal_block_size')::int")
_PAGE_HEADERS = (24, 40)  # bytes of a short and of a long one: access/xlog_internal.h
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds
_FEW = 100  # rows that may be read again without a pause, to catch those that are written all the time


@dataclass
class _Suspect:
    before: Sight
    had: set[int | None]  # contents that the source was seen with
    lopsided: bool  # there on one and the same node only, every time it was looked at


@dataclass
class Rechecked:
    """What became of the suspected rows: those that stay different, and those that kept changing."""

    different: dict[str, Sight]
    changing: list[str]


def recheck(
    nodes: Nodes, reader: Reader, rows: Sequence[str], seconds: float, caught_up: CaughtUp | None
) -> Rechecked:
    """Read the rows again until each is known to be equal or to stay different, for about `seconds`.

    `caught_up(position)` says whether the copy has replayed the source's log up to a position, a number as
    of `nodes.postgres.lsn`; without it the copy is taken to have done so after `seconds`. Raises
    `NotComparable` where the copy does not catch up in that time.
    """
    sights, position = _look(nodes, reader, rows), _position(nodes)
    suspects = {row: _suspect(sight) for row, sight in sights.items() if len(set(sight.contents)) == 2}
    different: dict[str, Sight] = {}
    deadline, pause, ever = time.monotonic() + seconds, _SHORTEST_PAUSE, False
    while suspects and (not ever or time.monotonic() < deadline):
        time.sleep(0 if ever and len(suspects) <= _FEW else pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
        late = time.monotonic() >= deadline
        replayed = caught_up(position) if caught_up else late
        if late and not replayed and not ever:
            waited = f"up to {lsn.render(position)} within {seconds:g} s"
            raise NotComparable(f"{len(suspects)} rows differ so far; the copy has not replayed {waited}")
        different |= _sift(suspects, _look(nodes, reader, list(suspects)), replayed, reader.by_key)
        if replayed:
            ever, position = True, _position(nodes)
    lopsided = {row: suspect.before for row, suspect in suspects.items() if suspect.lopsided}
    return Rechecked(different | lopsided, [row for row in suspects if row not in lopsided])


def _sift(
    suspects: dict[str, _Suspect], sights: dict[str, Sight], replayed: bool, by_key: bool
) -> dict[str, Sight]:
    """Drop the suspects that can be judged now, and return those that are different."""
    different = {}
    for row, sight in sights.items():
        judged = _judge(suspects[row], sight, replayed, by_key)
        if judged == "different":
            different[row] = sight
        if judged != "open":
            del suspects[row]
        elif replayed:
            suspects[row].before = sight
    return different


def _suspect(sight: Sight) -> _Suspect:
    return _Suspect(sight, {sight.contents[0]}, lopsided=None in sight.contents)


def _judge(
    suspect: _Suspect, now: Sight, replayed: bool, by_key: bool
) -> Literal["equal", "different", "open"]:
    """What can be said of a row after another look; see the head of this module for the reasons."""
    before = suspect.before
    source, copy = now.contents
    suspect.lopsided = suspect.lopsided and now.presence == before.presence
    if source == copy:
        return "equal"
    if replayed and (_lasts(before, now) if by_key else before == now):
        return "different"
    if copy in suspect.had or (replayed and not by_key and _between(before, now)):
        return "equal"
    suspect.had.add(source)
    return "open"


def _lasts(before: Sight, now: Sight) -> bool:
    overtaken = now.copy is not None and before.copy is not None and now.copy.version == before.copy.version
    unchanged = (
        now.source is not None and before.source is not None and now.source.version == before.source.version
    )
    return overtaken or unchanged


def _between(before: Sight, now: Sight) -> bool:
    """Whether the copy has the row as many times as the source may have had it between the two looks."""
    low, high = sorted((before.contents[0] or 0, now.contents[0] or 0))
    return low <= (now.contents[1] or 0) <= high


def _look(nodes: Nodes, reader: Reader, rows: Sequence[str]) -> dict[str, Sight]:
    """The rows on the copy and then, not at the same time, on the source."""
    copy = _states(nodes.on_copy, reader, rows)
    source = _states(nodes.on_source, reader, rows)
    return {row: Sight(source.get(row), copy.get(row)) for row in rows}


def _states(
    ask: Callable[[Statement, Settings], Rows], reader: Reader, rows: Sequence[str]
) -> dict[str, State]:
    states: dict[str, State] = {}
    for first in range(0, len(rows), reader.at_once):
        found = ask(reader.states(rows[first : first + reader.at_once]), BY_INDEX if reader.by_key else {})
        states.update({row: State(version, content) for row, version, content in found})
    return states


def _position(nodes: Nodes) -> int:
    """The end of the source's log. Where it is written, not where it is flushed: with
    synchronous_commit=off a row can be seen before its commit is flushed.
    """
    text, page = nodes.on_source(_POSITION, {})[0]
    position = lsn.parse(text)
    # At the start of a page the function points behind the page's header, where no log ends.
    header = position % int(page)
    return position - header if header in _PAGE_HEADERS else position
