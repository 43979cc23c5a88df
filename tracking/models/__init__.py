"""What changes and how it gets across: copies of tables, the tracking lists, compares, the journal."""

from .alerts import Alert, Beyond
from .compare import CompareResult, CompareRun
from .comparing import Compare
from .copies import TableCopy, TrackedTable
from .entries import Entry
from .filecompare import FileCompare
from .files import FileChange, FileWatch, MigratedFile
from .handover import HandOver, HandOverPhase
from .health import FileRoom, HealthSettings, NodeHealth
from .history import Attempt, MigratedObject
from .introduction import Introduction
from .inventory import Inventory, ObjectCount
from .jobs import Job
from .journal import JournalEntry, Message, set_phase, set_state
from .library import TABLE_TYPES, DefinitionEntries, DefinitionEntry, OtherObject, waiting
from .nodejobs import NodeJobs
from .preflight import PreflightRun
from .recorder import RecorderLine, RecorderSettings
from .requests import NodeRequest
from .samples import PoolSample
from .schedule import CompareSchedule
from .setup import FinishingPart, SetupStep
from .totals import ListTotal

__all__ = [
    "TABLE_TYPES",
    "Alert",
    "Attempt",
    "Beyond",
    "Compare",
    "CompareResult",
    "CompareRun",
    "CompareSchedule",
    "DefinitionEntries",
    "DefinitionEntry",
    "Entry",
    "FileChange",
    "FileCompare",
    "FileRoom",
    "FileWatch",
    "FinishingPart",
    "HandOver",
    "HandOverPhase",
    "HealthSettings",
    "Introduction",
    "Inventory",
    "Job",
    "JournalEntry",
    "ListTotal",
    "Message",
    "MigratedFile",
    "MigratedObject",
    "NodeHealth",
    "NodeJobs",
    "NodeRequest",
    "ObjectCount",
    "OtherObject",
    "PoolSample",
    "PreflightRun",
    "RecorderLine",
    "RecorderSettings",
    "SetupStep",
    "TableCopy",
    "TrackedTable",
    "set_phase",
    "set_state",
    "waiting",
]
