"""Every status a user can see: value, label, icon kind and whether it is an end, in one place.

Replication states and details, phases and phase details are Db2 Mirror's and Migrate While Active's
own (design sections 2 and 5); icon kinds are those of Carbon's icon indicator.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Status:
    """One value of a vocabulary."""

    value: str
    label: str
    kind: str
    terminal: bool = False


class Vocabulary:
    """The values of one field, in their natural order."""

    def __init__(self, *statuses: Status) -> None:
        self._by_value = {status.value: status for status in statuses}

    def __getitem__(self, value: str) -> Status:
        return self._by_value[value]

    @property
    def choices(self) -> list[tuple[str, str]]:
        """For a Django field."""
        return [(status.value, status.label) for status in self._by_value.values()]


REPLICATION_STATE = Vocabulary(
    Status("NOT MIRRORED", "Not mirrored", "not-started"),
    Status("TRACKING", "Tracking", "caution-minor"),
    Status("BLOCKED", "Blocked", "caution-minor"),
    Status("ACTIVE", "Active", "succeeded"),
)
REPLICATION_DETAIL = Vocabulary(
    Status("", "", "unknown"),
    Status("SUSPENDED", "Suspended", "caution-major"),
    Status("SYNCHRONIZING", "Synchronizing", "in-progress"),
    Status("REPLICATING", "Replicating", "succeeded"),
    Status("READ-ONLY", "Read-only", "informative"),
)
STAGE = Vocabulary(
    Status("SYSTEM MIGRATION", "System migration", "in-progress"),
    Status("DATA SYNCHRONIZATION", "Data synchronization", "normal"),
    Status("CUTOVER", "Cutover", "caution-minor"),
)
PHASE = Vocabulary(
    Status("", "Defined", "not-started"),
    Status("SETUP", "Setup", "in-progress"),
    Status("FINAL SETUP", "Final setup", "in-progress"),
    Status("SYNC", "Synchronizing", "normal"),
    Status("PAUSED", "Paused", "incomplete"),
    Status("FINAL SYNC", "Final synchronization", "in-progress"),
    Status("SYNC CMPLT", "Synchronization complete", "succeeded"),
    Status("SWAPPING", "Swapping roles", "in-progress"),
)
STAGE_OF_PHASE = {
    "": "SYSTEM MIGRATION",
    "SETUP": "SYSTEM MIGRATION",
    "FINAL SETUP": "SYSTEM MIGRATION",
    "SYNC": "DATA SYNCHRONIZATION",
    "PAUSED": "DATA SYNCHRONIZATION",
    "FINAL SYNC": "CUTOVER",
    "SYNC CMPLT": "CUTOVER",
    "SWAPPING": "CUTOVER",
}
PHASE_DETAIL = Vocabulary(
    Status("A", "Active", "in-progress"),
    Status("C", "Complete", "succeeded", terminal=True),
    Status("E", "Error", "failed"),
    Status("I", "Idle", "incomplete"),
    Status("P", "Preparing restricted state", "in-progress"),
    Status("R", "Prepared for restricted state", "succeeded"),
)
TABLE_COPY = Vocabulary(
    Status("WAITING", "Waiting", "pending"),
    Status("COPYING", "Copying", "in-progress"),
    Status("LOCKED", "Locked, tried again in the end", "caution-minor"),
    Status("FAILED", "Failed, tried again", "failed"),
    Status("COPIED", "Copied", "succeeded", terminal=True),
    Status("GONE", "Dropped on the source", "informative", terminal=True),
    Status("LATER", "Changed, comes at the hand-over", "caution-minor", terminal=True),
)
# PREPARING: noted, and cannot be carried yet, because the secondary does not answer, a definition without
# which no row can follow is in the way, or somebody has deferred it. READY: comes by the stream, or by the
# next hand-over.
TRACKING_STATE = Vocabulary(
    Status("PREPARING", "Preparing", "not-started"),
    Status("READY", "Ready", "pending"),
    Status("MIGRATING", "Migrating", "in-progress"),
    Status("FAILED", "Failed", "failed"),
    Status("INELIGIBLE", "By hand", "caution-minor"),
)
# Of a rule of the replication criteria list, and of an object by the rule that is most specific for it.
INCLUSION = Vocabulary(
    Status("INCLUDE", "Included", "succeeded"),
    Status("EXCLUDE", "Excluded", "incomplete"),
    Status("DEFINITION", "Definition only", "informative"),
)
APPLY_STATE = Vocabulary(
    Status("ACTIVE", "Active", "succeeded"),
    Status("PENDING ADD", "Pending, to be added", "pending"),
    Status("PENDING REMOVE", "Pending, to be removed", "pending"),
)
# Our own, beside the tracking state: what somebody does not want to be carried, for good or for now.
SET_ASIDE = Vocabulary(
    Status("OMITTED", "Omitted", "incomplete"),
    Status("DEFERRED", "Deferred", "pending"),
)
# What became of an attempt to carry an entry, or of the entry by a person's hand.
ATTEMPT = Vocabulary(
    Status("CARRIED", "Carried", "succeeded", terminal=True),
    Status("FAILED", "Failed", "failed", terminal=True),
    Status("SUPERSEDED", "Superseded by a later one", "succeeded", terminal=True),
    Status("BY HAND", "Carried by hand", "succeeded", terminal=True),
    Status("OMITTED", "Omitted", "incomplete", terminal=True),
    Status("DEFERRED", "Deferred", "pending", terminal=True),
    Status("RESTORED", "Taken up again", "informative", terminal=True),
    Status("REMOVED", "Removed", "incomplete", terminal=True),
)
# Of a hand-over: from TRACKING to ACTIVE at one position Z.
HAND_OVER = Vocabulary(
    Status("RUNNING", "Running", "in-progress"),
    Status("COMPLETE", "Complete", "succeeded", terminal=True),
    Status("FAILED", "Failed, tried again", "failed", terminal=True),
    Status("INTERRUPTED", "Interrupted, begun anew", "caution-minor", terminal=True),
)
# RDF's phases of a synchronization, and what RDF's updaters do in them. The first and 1.4 are our own.
HAND_OVER_PHASE = Vocabulary(
    Status("0", "Rounds while changes are still listed", "in-progress"),
    Status("1.1", "A control point: which transactions are running", "in-progress"),
    Status("1.2", "Waiting for those transactions to end", "pending"),
    Status("1.3", "None of them is left: Z is fixed, changes are listed up to it", "in-progress"),
    Status("1.4", "Definitions and rows as of Z", "in-progress"),
    Status("2", "Both nodes at Z, and the stream on", "in-progress"),
)
# The number of the message that tells of a phase (mechanisms of NonStop RDF); the rounds have none.
HAND_OVER_MESSAGES = {"1.1": "766", "1.2": "767", "1.3": "768", "1.4": "844", "2": "782"}
SWAP = Vocabulary(
    Status("REQUESTED", "Waiting for approval", "pending"),
    Status("APPROVED", "Approved", "normal"),
    Status("RUNNING", "Running", "in-progress"),
    Status("COMMITTED", "Committed", "in-progress"),
    Status("COMPLETE", "Complete", "succeeded", terminal=True),
    Status("FAILED", "Failed, source reopened", "failed", terminal=True),
    Status("REJECTED", "Rejected", "incomplete", terminal=True),
    Status("CANCELLED", "Cancelled", "incomplete", terminal=True),
    Status("VOID", "Void: the plan has changed", "incomplete", terminal=True),
)
BUSY_SWAP = ("APPROVED", "RUNNING", "COMMITTED")  # decided, and not at its end
# Of a condition of a role swap.
SWAP_CHECK = Vocabulary(
    Status("IN THE WAY", "In the way", "failed"),
    Status("UNKNOWN", "Unknown", "unknown"),
    Status("WARNING", "Look at it", "caution-minor"),
    Status("OK", "In order", "succeeded"),
)
OPEN_SWAP = ("REQUESTED", *BUSY_SWAP)
# Whether roles could be swapped now, by what is owed; or what else is in the way.
READINESS = Vocabulary(
    Status("READY", "Ready now", "succeeded"),
    Status("SHRINKING", "Not yet", "in-progress"),
    Status("NOT REACHABLE", "Not reachable at this rate", "caution-major"),
    Status("UNKNOWN", "Unknown", "unknown"),
    Status("IN THE WAY", "Not now", "caution-minor"),
)
VERDICT = Vocabulary(
    Status("DIFFERENT", "Different", "failed", terminal=True),
    Status("NOT COMPARABLE", "Not comparable", "caution-minor", terminal=True),
    Status("EQUAL", "Equal", "succeeded", terminal=True),
)
# How a compare stands as long as there is no verdict on it.
COMPARE = Vocabulary(
    Status("ASKED", "Asked for", "pending"),
    Status("WAITING", "Waits until it is replicating", "pending"),
    Status("RUNNING", "Comparing", "in-progress"),
    Status("STOPPING", "Is being stopped", "pending"),
    Status("STOPPED", "Stopped", "incomplete", terminal=True),
    Status("NO VERDICT", "No verdict", "unknown", terminal=True),
)
# What the health center raises an alert for.
ALERT = Vocabulary(
    Status("AWAY", "Node does not answer", "failed"),
    Status("STORAGE", "Storage", "caution-major"),
    Status("WAL", "Log held by a slot", "caution-major"),
    Status("SLOT", "Slot lost or left over", "caution-major"),
    Status("LAG", "Lag", "caution-major"),
    Status("CONNECTIONS", "Connections", "caution-major"),
    Status("TRANSACTION", "Long transaction", "caution-minor"),
    Status("CLOCK", "Clock difference", "caution-minor"),
)
# The flight recorder: how much a line matters, the worst first, and whose step it is.
RECORDER_LEVEL = Vocabulary(
    Status("ERROR", "Error", "failed"),
    Status("WARNING", "Warning", "caution-major"),
    Status("INFO", "Information", "informative"),
    Status("DETAIL", "Detail", "not-started"),
)
RECORDER_LEVELS = tuple(value for value, _ in RECORDER_LEVEL.choices)
RECORDER_DEFAULT = "INFO"
TROUBLE_LEVEL = RECORDER_LEVELS.index("WARNING")
COMPONENT = Vocabulary(
    Status("ENGINE", "Engine", "normal"),
    Status("CAPTURE", "Capture", "normal"),
    Status("COPY", "System migration", "normal"),
    Status("RESYNC", "Synchronization", "normal"),
    Status("DEFINITIONS", "Definitions", "normal"),
    Status("OTHERS", "Other objects", "normal"),
    Status("FILES", "Files", "normal"),
    Status("SWAP", "Role swap", "normal"),
    Status("COMPARE", "Compare", "normal"),
    Status("HEALTH", "Health", "normal"),
    Status("RECORDER", "Flight recorder", "normal"),
    Status("PORTAL", "What people did", "normal"),
)
PREFLIGHT = Vocabulary(
    Status("ASKED", "Asked for", "pending"),
    Status("RUNNING", "Running", "in-progress"),
    Status("PASSED", "Passed", "succeeded", terminal=True),
    Status("FAILED", "Failed", "failed", terminal=True),
    Status("ENDED", "Could not be carried out", "failed", terminal=True),
)
CHECK = Vocabulary(
    Status("failed", "Failed", "failed", terminal=True),
    Status("warning", "Warning", "caution-minor", terminal=True),
    Status("passed", "Passed", "succeeded", terminal=True),
)
# What the engine is at, as long as it is. Those that a pause does not wait for go on in it.
JOB = Vocabulary(
    Status("PREFLIGHT", "Preflight", "in-progress"),
    Status("CAPTURE", "Tracking changes", "normal"),
    Status("STREAM", "Following the primary", "normal"),
    Status("WAIT", "Waiting", "pending"),
    Status("INSTALL", "Installing the capture", "in-progress"),
    Status("DEFINE", "Making definitions", "in-progress"),
    Status("COPY", "Copying rows", "in-progress"),
    Status("INDEX", "Building indexes and constraints", "in-progress"),
    Status("CHECK KEYS", "Checking foreign keys, refreshing views", "in-progress"),
    Status("RESYNC", "Resynchronizing", "in-progress"),
    Status("OTHERS", "Looking at other objects", "in-progress"),
    Status("COMPARE", "Comparing rows", "in-progress"),
    Status("CRITERIA", "Committing replication criteria", "in-progress"),
    Status("SWAP", "Swapping roles", "in-progress"),
    Status("TRACK FILES", "Watching files", "normal"),
    Status("COPY FILES", "Copying files", "in-progress"),
    Status("CARRY FILES", "Carrying files", "in-progress"),
    Status("CMP FILES", "Comparing files", "in-progress"),
)

# Why a pool or a file root is suspended (Db2 Mirror's REPLICATION_DETAIL_INFO; 9000 and up are ours).
REASONS = {
    0: "",
    212: "A user asked for the suspend",
    226: "The primary does not answer",
    266: "The secondary does not answer",
    8690: "Storage threshold reached",
    9000: "System migration is running",
    9010: "The apply worker reported an error",
    9020: "The lag grew beyond its limit",
    9030: "The replication slot was lost; every table is synchronized whole",
    9040: "A definition could not be carried",
    9050: "A new table joins the mirror",
    9060: "Final synchronization before a role swap",
    9070: "Resynchronization failed",
    9080: "A changed definition needs the rows of its table anew",
    9100: "A file root cannot be read or written to",
    9110: "The tracker of files ended",
    9120: "The host of the secondary's files cannot be reached",
}
# A suspend with one of these reasons is not ended by auto-resume.
MANUAL_REASONS = frozenset({212, 9040})
# Somebody should know of these; a suspend with another reason ends by itself, or was asked for.
TROUBLE_REASONS = frozenset({226, 266, 8690, 9010, 9030, 9040, 9070, 9100, 9110, 9120})
