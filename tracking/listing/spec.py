"""What a list is to its page: what it is filtered by, how it can be sorted, what may be asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import models

from nodes.status import Vocabulary

_ENDS = {
    "bigint": (str(-(2**63)), str(2**63 - 1)),
    "timestamptz": ("-infinity", "infinity"),
    "text": ("", chr(0x10FFFF) * 201),  # names are cut after 200 characters (views.sql)
    "bytea": (r"\x", r"\x" + "ff" * 1001),
}


@dataclass(frozen=True)
class Sort:
    """A way of sorting a list by a column of its view, for which there is an index.

    `ranked`: by what needs somebody first. Not `by_kind`: its index does not know the kinds of entries, so
    that a filter for what is rare may take long. `begins` is SQL for what `%(beginning)s` is compared as.
    """

    key: str
    label: str
    column: str
    type: str = "bigint"
    descending: bool = False
    ranked: bool = False
    by_kind: bool = True
    offered: bool = True
    begins: str = "tracking_name(%(beginning)s)"

    @property
    def ends(self) -> tuple[str, str]:
        """A value before, and one behind all others, in this order."""
        low, high = _ENDS[self.type]
        return (high, low) if self.descending else (low, high)


@dataclass(frozen=True)
class Spec:
    """A list. `kinds` are the columns of its view that are filtered exactly; they lead every index.

    `by` says whose its entries are: of pools, of file roots, or of a pair by its name. `rank` is SQL over the
    kinds `c`: the lower, the sooner somebody has to look. A search with `whole_mark` in it is for the whole
    name, any other for the name without its schema or directory.
    """

    key: str
    model: type[models.Model]
    kinds: tuple[str, ...]
    sorts: tuple[Sort, ...]
    by: str = "pool"
    rank: str = "0"
    view: str = ""
    states: Vocabulary | None = None
    state_column: str = "state"
    type_column: str = "object_type"
    searched: str = ""  # what the search asks for; empty: there is none
    whole_mark: str = "."
    acts: Mapping[str, str] = field(default_factory=dict)  # what may be asked of many at once, and its label
    set_aside: bool = False
    with_schema: bool = False

    @property
    def relation(self) -> str:
        """Its view (views.sql)."""
        return f"tracking_list_{self.view or self.key}"

    def sort(self, key: str) -> Sort:
        """By its key; the first is the usual one."""
        return next((sort for sort in self.sorts if sort.key == key), self.sorts[0])
