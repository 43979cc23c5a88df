"""Compare one table while it is written to."""

import time
from collections.abc import Callable, Sequence
from itertools import islice
from threading import Event

from nodes.postgres.connect import Connection
from tracking.compare import chunks
from tracking.compare.by_hash import ByHash
from tracking.compare.by_key import ByKey
from tracking.compare.narrow import at_least, buckets_for, groups, hashed, suspects
from tracking.compare.reads import Part, Reader
from tracking.compare.recheck import CaughtUp, recheck
from tracking.compare.results import (
    CompareOptions,
    NotComparable,
    RowDifference,
    TableName,
    TableResult,
    Verdict,
)
from tracking.compare.rows import differences
from tracking.compare.session import Nodes
from tracking.compare.shape import Shape, Subject, reads_by_range, remarks, shapes, subject

Progress = Callable[[TableName, int, int], None]

_ROWS_PER_BUCKET = 64
_ROWS_PER_SCANNED_BUCKET = 1024  # where each look at a bucket reads the whole table
_SUSPECTS_AT_ONCE = 10_000


def compare_table(
    source: Connection,
    copy: Connection,
    table: tuple[str, str],
    options: CompareOptions | None = None,
    *,
    keys: Sequence[str] | None = None,
    caught_up: CaughtUp | None = None,
    progress: Progress | None = None,
    stop: Event | None = None,
) -> TableResult:
    """Compare a table, (schema, name), on two nodes; nothing is written and no lock outlives a chunk.

    `keys` are those of the only rows to look at, as `RowDifference.key` has them.

    Both sessions are in autocommit and idle; their settings are left as they are. `caught_up(position)`:
    see `recheck`. `progress(table, rows compared, rows expected)` is called after each chunk. After `stop`
    the answer is "not comparable"; it also holds where a node refuses or is gone, with the reason.
    """
    started = time.monotonic()
    stopped = stop.is_set if stop else lambda: False
    options = options or CompareOptions()
    comparison = _Comparison(TableName(*table), options, caught_up, progress)
    with Nodes(source, copy, lock_seconds=options.lock_seconds, stopped=stopped) as nodes:
        try:
            comparison.run(nodes, keys)
        except NotComparable as refusal:
            return comparison.result(time.monotonic() - started, str(refusal))
    return comparison.result(time.monotonic() - started)


class _Comparison:
    def __init__(
        self,
        table: TableName,
        options: CompareOptions,
        caught_up: CaughtUp | None,
        progress: Progress | None,
    ) -> None:
        self.table = table
        self.options = options
        self.caught_up = caught_up
        self.progress = progress
        self.rows = 0
        self.chunks = 0
        self.differences: list[RowDifference] = []
        self.count = 0
        self.changing: list[str] = []
        self.remarks: list[str] = []
        self._suspects: list[str] = []

    def run(self, nodes: Nodes, keys: Sequence[str] | None) -> None:
        """All rows, or those with these keys."""
        on_source, on_copy = shapes(nodes, self.table)
        what = subject(self.table, on_source, on_copy)
        self.remarks = remarks(on_source, on_copy)
        reader: Reader = ByKey(what) if what.key else ByHash(what)
        if keys is None:
            self._read(nodes, reader, on_source, on_copy)
        elif reader.by_key:
            self.rows, self._suspects = len(keys), list(keys)
        else:
            raise NotComparable("its rows have no key by which they could be looked at alone")
        self._follow_up(nodes, reader)
        self._confirm(nodes, what)

    def _read(self, nodes: Nodes, reader: Reader, on_source: Shape, on_copy: Shape) -> None:
        """Hash all parts on both nodes, and follow up those that differ."""
        what = reader.subject
        expected = chunks.expected_rows(nodes, what)
        if reads_by_range(on_source, on_copy):
            parts = chunks.by_range(nodes, what, on_source, expected, self.options.chunk_rows)
            buckets = 1
        else:
            parts, buckets = [Part.all()], buckets_for(expected, _ROWS_PER_SCANNED_BUCKET)
        for part in parts:
            # Where rows of one chunk are being written, those of the next one are likely to be, too: it is
            # read by buckets at once, which is a third dearer than as a whole but saves reading it again.
            buckets = self._compare(nodes, reader, part, buckets)
            self.chunks += 1
            if self.progress:
                self.progress(self.table, self.rows, expected)

    def result(self, seconds: float, refusal: str = "") -> TableResult:
        """What is known by now."""
        verdict: Verdict = "equal"
        reasons = [refusal] if refusal else []
        if self.changing:
            examples = ", ".join(self.changing[:3])
            reasons.append(
                f"{len(self.changing)} rows changed faster than they could be read, e.g. {examples}"
            )
        if self.count:
            verdict = "different"
        elif reasons:
            verdict = "not comparable"
        reason = "; ".join(reasons + self.remarks)
        return TableResult(
            self.table, verdict, reason, self.rows, self.chunks, self.differences, self.count, seconds
        )

    def _confirm(self, nodes: Nodes, what: Subject) -> None:
        """What was read in two definitions proves nothing, neither equality nor a difference."""
        try:
            if subject(self.table, *shapes(nodes, self.table)) == what:
                return
            change = "its key or columns are others now"
        except NotComparable as refusal:
            change = str(refusal)
        self.differences, self.count, self.changing = [], 0, []
        raise NotComparable(f"changed while it was compared: {change}")

    def _compare(self, nodes: Nodes, reader: Reader, part: Part, buckets: int) -> int:
        found = hashed(nodes, reader, part, buckets)
        self.rows += found.rows
        if found.unequal and buckets == 1:
            buckets = buckets_for(found.most, _ROWS_PER_BUCKET)
            found = hashed(nodes, reader, part, buckets)
        for group in groups(found.unequal):
            if self.count > self.options.max_differences:
                self.count += at_least(group)
                continue
            self._suspects += suspects(nodes, reader, part, group, buckets)
            if len(self._suspects) >= _SUSPECTS_AT_ONCE:
                self._follow_up(nodes, reader)
        return buckets if found.unequal else 1

    def _follow_up(self, nodes: Nodes, reader: Reader) -> None:
        rows = list(dict.fromkeys(self._suspects))
        self._suspects = []
        if not rows:
            return
        rechecked = recheck(nodes, reader, rows, self.options.recheck_seconds, self.caught_up)
        room = self.options.max_differences - len(self.differences)
        reported = dict(islice(rechecked.different.items(), max(room, 0)))
        lasting = differences(nodes, reader, reported)
        self.differences += lasting
        self.count += len(rechecked.different) - len(reported) + len(lasting)
        self.changing += rechecked.changing
