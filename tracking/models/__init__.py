"""What changes and how it gets across: copies of tables, the tracking lists, compares, the journal."""

from .compare import CompareResult, CompareRun
from .copies import TableCopy, TrackedTable
from .entries import Entry
from .files import FileChange, FileCompare, FileWatch, MigratedFile
from .history import Attempt, MigratedObject
from .journal import JournalEntry, Message, set_phase, set_state
from .library import TABLE_TYPES, DefinitionEntries, DefinitionEntry, OtherObject, waiting
from .totals import ListTotal

__all__ = [
    "TABLE_TYPES",
    "Attempt",
    "CompareResult",
    "CompareRun",
    "DefinitionEntries",
    "DefinitionEntry",
    "Entry",
    "FileChange",
    "FileCompare",
    "FileWatch",
    "JournalEntry",
    "ListTotal",
    "Message",
    "MigratedFile",
    "MigratedObject",
    "OtherObject",
    "TableCopy",
    "TrackedTable",
    "set_phase",
    "set_state",
    "waiting",
]
