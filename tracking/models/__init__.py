"""What changes and how it gets across: copies of tables, the tracking lists, compares, the journal."""

from .compare import CompareResult, CompareRun
from .comparing import Compare
from .copies import TableCopy, TrackedTable
from .entries import Entry
from .filecompare import FileCompare
from .files import FileChange, FileWatch, MigratedFile
from .handover import HandOver, HandOverPhase
from .history import Attempt, MigratedObject
from .introduction import Introduction
from .inventory import Inventory, ObjectCount
from .jobs import NodeJobs
from .journal import JournalEntry, Message, set_phase, set_state
from .library import TABLE_TYPES, DefinitionEntries, DefinitionEntry, OtherObject, waiting
from .requests import NodeRequest
from .samples import PoolSample
from .schedule import CompareSchedule
from .setup import FinishingPart, SetupStep

__all__ = [
    "TABLE_TYPES",
    "Attempt",
    "Compare",
    "CompareResult",
    "CompareRun",
    "CompareSchedule",
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
    "Inventory",
    "JournalEntry",
    "Message",
    "MigratedFile",
    "MigratedObject",
    "NodeJobs",
    "NodeRequest",
    "ObjectCount",
    "OtherObject",
    "PoolSample",
    "SetupStep",
    "TableCopy",
    "TrackedTable",
    "set_phase",
    "set_state",
    "waiting",
]
