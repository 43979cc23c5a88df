"""The lists that have pages: tracking lists, what has been carried, attempts, the journal."""

from nodes import status
from tracking.acts_table import WORDS
from tracking.models import (
    Attempt,
    DefinitionEntry,
    FileChange,
    JournalEntry,
    MigratedFile,
    MigratedObject,
    OtherObject,
    TrackedTable,
)

from .spec import Sort, Spec

# What needs somebody comes first, then what is under way, what waits for its turn, and what nobody waits for.
_NEEDED = """
    case when c.set_aside = 'DONE' then 5 when c.set_aside = 'OMITTED' then 4
         when c.set_aside = 'DEFERRED' then 1 when c.state = 'FAILED' then 0
         when c.state = 'MIGRATING' then 2 when c.state in ('READY', 'PREPARING') then 3 else {} end
"""
_FILE_ACTS = {act: WORDS[act] for act in ("retry", "restore", "omit", "defer", "remove")}
_OTHER_ACTS = {act: label for act, label in WORDS.items() if act != "remove"}
_NAME = Sort("name", "Name", "name", "text")
_BARE = Sort("bare", "Name without its schema", "bare", "text", offered=False)
_NEWEST = Sort("newest", "Newest first", "recent", "timestamptz", descending=True)
_OLDEST = Sort("oldest", "Oldest first", "recent", "timestamptz")
_NEEDED_FIRST = Sort(
    "needed", "What needs somebody first", "recent", "timestamptz", descending=True, ranked=True
)
_SEARCH_OBJECT = "Name begins with; with the schema: schema.name"
_LAST = Sort(
    "bare", "Name", "bare", "text",
    begins="left(lower(encode(%(beginning)s::bytea, 'escape')), 200)",
)  # fmt: skip
_PATH = {"column": "name", "type": "bytea", "begins": "%(beginning)s::bytea"}
_SEARCH_PATH = "Name begins with; below a directory: directory/"

TABLES = Spec(
    "tables", TrackedTable, ("sheet",),
    (
        Sort("most", "Most changes first", "most", descending=True),
        Sort("oldest", "Oldest first", "oldest", "timestamptz"),
        _NAME, _BARE,
    ),
    states=status.TRACKING_STATE, searched=_SEARCH_OBJECT, with_schema=True,
)  # fmt: skip
DEFINITIONS = Spec(
    "definitions", DefinitionEntry, ("state", "set_aside", "object_type"),
    (_NEEDED_FIRST, _NEWEST, _OLDEST, _NAME, _BARE),
    rank=_NEEDED.format(0), states=status.TRACKING_STATE, searched=_SEARCH_OBJECT, acts=WORDS,
    set_aside=True, with_schema=True,
)  # fmt: skip
OBJECTS = Spec(
    "objects", OtherObject, ("state", "set_aside", "object_type"),
    (_NEEDED_FIRST, _NEWEST, _OLDEST, _NAME, _BARE),
    rank=_NEEDED.format(0), states=status.TRACKING_STATE, searched=_SEARCH_OBJECT, acts=_OTHER_ACTS,
    set_aside=True, with_schema=True,
)  # fmt: skip
PATHS = Spec(
    "paths", FileChange, ("state", "set_aside", "object_type"),
    (
        Sort("needed", "What needs somebody first", "oldest", ranked=True),
        Sort("turn", "In the order of their turns", "oldest"),
        Sort("name", "Path", by_kind=False, **_PATH),
        _LAST,
    ),
    by="root", rank=_NEEDED.format(6), states=status.TRACKING_STATE, searched=_SEARCH_PATH, whole_mark="/",
    acts=_FILE_ACTS, set_aside=True,
)  # fmt: skip
MIGRATED = Spec(
    "migrated", MigratedObject, ("object_type",),
    (_NEWEST, _NAME, _BARE),
    searched=_SEARCH_OBJECT, acts={"remove": "Forget"}, with_schema=True,
)  # fmt: skip
MIGRATED_FILES = Spec(
    "migrated-files", MigratedFile, ("object_type",),
    (
        Sort("newest", "Latest first", "recent", descending=True),
        Sort("name", "Path", **_PATH),
        _LAST,
    ),
    by="root", view="migratedfiles", searched=_SEARCH_PATH, whole_mark="/",
)  # fmt: skip
ATTEMPTS = Spec(
    "attempts", Attempt, ("outcome", "object_type"), (_NEWEST, _OLDEST, _NAME, _BARE),
    states=status.ATTEMPT, state_column="outcome", searched=_SEARCH_OBJECT, with_schema=True,
)  # fmt: skip
JOURNAL = Spec(
    "journal", JournalEntry, ("entry_type", "state", "entry"), (_NEWEST, _OLDEST),
    by="pair", type_column="entry_type",
)  # fmt: skip

LISTS = {
    spec.key: spec
    for spec in (TABLES, DEFINITIONS, OBJECTS, PATHS, MIGRATED, MIGRATED_FILES, ATTEMPTS, JOURNAL)
}
