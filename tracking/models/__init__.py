"""What changes and how it gets across: copies of tables, the tracking lists, compares, the journal."""

from .alerts import Alert, Beyond
from .compare import CompareResult, CompareRun
from .copies import TableCopy, TrackedTable
from .entries import Entry
from .files import FileChange, FileCompare, FileWatch, MigratedFile
from .health import FileRoom, HealthSettings, NodeHealth
from .history import Attempt, MigratedObject
from .journal import JournalEntry, Message, set_phase, set_state
from .library import TABLE_TYPES, DefinitionEntries, DefinitionEntry, OtherObject, waiting
from .recorder import RecorderLine, RecorderSettings

__all__ = [
    "TABLE_TYPES",
    "Alert",
    "Attempt",
    "Beyond",
    "CompareResult",
    "CompareRun",
    "DefinitionEntries",
    "DefinitionEntry",
    "Entry",
    "FileChange",
    "FileCompare",
    "FileRoom",
    "FileWatch",
    "HealthSettings",
    "JournalEntry",
    "Message",
    "MigratedFile",
    "MigratedObject",
    "NodeHealth",
    "OtherObject",
    "RecorderLine",
    "RecorderSettings",
    "TableCopy",
    "TrackedTable",
    "set_phase",
    "set_state",
    "waiting",
]
