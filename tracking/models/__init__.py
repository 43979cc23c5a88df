"""What changes and how it gets across: copies of tables, the tracking lists, compares, the journal."""

from .compare import CompareResult, CompareRun
from .copies import TableCopy, TrackedTable
from .entries import Entry
from .files import FileChange, FileCompare, FileWatch, MigratedFile
from .handover import HandOver, HandOverPhase
from .history import Attempt, MigratedObject
from .introduction import Introduction
from .jobs import NodeJobs
from .journal import JournalEntry, Message, set_phase, set_state
from .library import TABLE_TYPES, DefinitionEntries, DefinitionEntry, OtherObject, waiting
from .requests import NodeRequest
from .samples import PoolSample
from .setup import FinishingPart, SetupStep

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
    "FinishingPart",
    "HandOver",
    "HandOverPhase",
    "Introduction",
    "JournalEntry",
    "Message",
    "MigratedFile",
    "MigratedObject",
    "NodeJobs",
    "NodeRequest",
    "OtherObject",
    "PoolSample",
    "SetupStep",
    "TableCopy",
    "TrackedTable",
    "set_phase",
    "set_state",
    "waiting",
]
