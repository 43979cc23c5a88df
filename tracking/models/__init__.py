"""What changes and how it gets across: copies of tables, the tracking lists, compares, the journal."""

from .compare import CompareResult, CompareRun
from .copies import TableCopy, TrackedTable
from .journal import JournalEntry, Message, set_phase, set_state
from .library import TABLE_TYPES, DefinitionEntries, DefinitionEntry, MigratedObject, OtherObject

__all__ = [
    "TABLE_TYPES",
    "CompareResult",
    "CompareRun",
    "DefinitionEntries",
    "DefinitionEntry",
    "JournalEntry",
    "Message",
    "MigratedObject",
    "OtherObject",
    "TableCopy",
    "TrackedTable",
    "set_phase",
    "set_state",
]
