"""From a part of a table that differs down to the rows in it that may differ."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tracking.compare.reads import Part, Reader
from tracking.compare.session import Nodes

Buckets = dict[int, tuple[int, int]]  # bucket -> rows in it, on the source and on the copy

_ROWS_AT_ONCE = 100_000  # rows of a node whose hashes are held in memory
_FEWEST_BUCKETS, _MOST_BUCKETS = 256, 65_536


@dataclass(frozen=True)
class Hashed:
    """What the hashes of a part say."""

    rows: int  # on the source
    most: int  # on the node that has more rows
    unequal: Buckets


def buckets_for(rows: int, rows_per_bucket: int) -> int:
    """Into how many buckets, a power of two, so many rows are spread."""
    wanted = 1 << max(rows // rows_per_bucket, 1).bit_length()
    return min(max(wanted, _FEWEST_BUCKETS), _MOST_BUCKETS)


def hashed(nodes: Nodes, reader: Reader, part: Part, buckets: int) -> Hashed:
    """Hash a part on both nodes, as a whole (1) or by buckets."""
    statement = reader.digest(part, buckets)
    answers = nodes.both(statement, part.settings)
    source = {bucket: (count, total) for bucket, count, total in answers.source}
    copy = {bucket: (count, total) for bucket, count, total in answers.copy}
    unequal: Buckets = {}
    for bucket in source.keys() | copy.keys():
        here, there = source.get(bucket, (0, 0)), copy.get(bucket, (0, 0))
        if here != there:
            unequal[bucket] = (here[0], there[0])
    rows = sum(count for count, _ in source.values())
    return Hashed(rows, max(rows, sum(count for count, _ in copy.values())), unequal)


def groups(unequal: Buckets) -> Iterator[Buckets]:
    """The buckets in groups small enough to hold their rows in memory; a single bucket may be larger."""
    group: Buckets = {}
    held = 0
    for bucket, rows in unequal.items():
        if group and held + max(rows) > _ROWS_AT_ONCE:
            yield group
            group, held = {}, 0
        group[bucket] = rows
        held += max(rows)
    if group:
        yield group


def at_least(unequal: Buckets) -> int:
    """How many rows differ for sure: one in each bucket, or as many as one node has more of."""
    return sum(max(abs(source - copy), 1) for source, copy in unequal.values())


def suspects(nodes: Nodes, reader: Reader, part: Part, among: Collection[int], buckets: int) -> list[str]:
    """The rows in some buckets of a part that only one node has, or whose contents are not the same."""
    statement = reader.contents(part, among, buckets)
    answers = nodes.both(statement, part.settings)
    source: dict[str, int] = dict(answers.source)
    copy: dict[str, int] = dict(answers.copy)
    return [row for row in source.keys() | copy.keys() if source.get(row) != copy.get(row)]
