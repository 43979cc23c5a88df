"""What is measured of a node: plain figures that go into JSON and come back from it.

Ages are seconds at the time of measuring, by the node's own clock: a clock that is wrong does not make them
wrong. None is unknown.
"""

from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, get_args, get_type_hints


@dataclass(frozen=True)
class Server:
    """Who answers; `written` is its position in the log as a number."""

    version: int  # as in server_version_num
    up_seconds: float
    recovering: bool
    written: int

    @property
    def name(self) -> str:
        """The version as people say it."""
        return f"{self.version // 10_000}.{self.version % 10_000}"


@dataclass(frozen=True)
class Clock:
    """The node's clock minus ours, in seconds; the truth is at most `uncertainty` away."""

    offset: float
    uncertainty: float


@dataclass(frozen=True)
class Wal:
    """The write-ahead log, in bytes; `rate` is what is written a second since the look before."""

    bytes: int
    checkpoint_bytes: int
    kept_bytes: int
    slot_limit_bytes: int | None
    rate: float | None = None


@dataclass(frozen=True)
class Volume:
    """A file system of the node, as far as it can be seen from here."""

    purpose: str
    path: str
    total_bytes: int
    free_bytes: int

    @property
    def free_percent(self) -> float:
        """What is free of it for the server."""
        return 100 * self.free_bytes / self.total_bytes if self.total_bytes else 0.0

    @property
    def used_percent(self) -> float:
        """The rest, of which the server's own files are a part."""
        return 100 - self.free_percent


@dataclass(frozen=True)
class Database:
    """A database and its size."""

    name: str
    bytes: int


@dataclass(frozen=True)
class HeldSlot:
    """A replication slot and the log that is kept for it."""

    name: str
    kind: str
    database: str
    active_pid: int | None
    temporary: bool
    held_bytes: int | None
    wal_status: str
    safe_bytes: int | None
    inactive_seconds: float | None
    invalidation: str

    @property
    def of_this_program(self) -> bool:
        """Whether this program has made it, for whichever pair."""
        return self.name.startswith("mwa_")


@dataclass(frozen=True)
class Sender:
    """A process that sends the log to somebody."""

    pid: int
    user: str
    application: str
    client: str
    state: str
    sync_state: str
    since_seconds: float
    behind_bytes: int | None


@dataclass(frozen=True)
class Worker:
    """A subscription, and a process that applies for it; without one `pid` is None."""

    subscription: str
    database: str
    enabled: bool
    pid: int | None
    kind: str
    since_seconds: float | None
    state: str
    message_seconds: float | None
    apply_errors: int | None
    sync_errors: int | None


@dataclass(frozen=True)
class Limit:
    """Something of which the server has only so many."""

    setting: str
    maximum: int
    used: int

    @property
    def free(self) -> int:
        """How many are left."""
        return self.maximum - self.used


@dataclass(frozen=True)
class OldTransaction:
    """A transaction that has gone on for long; `horizon` is its age in transactions."""

    pid: int | None
    user: str
    database: str
    application: str
    seconds: float
    writes: bool
    horizon: int | None
    state: str
    query: str

    @property
    def ours(self) -> bool:
        """Whether it is one of our own sessions."""
        return self.application.startswith("mwa ")


@dataclass(frozen=True)
class OurSessions:
    """Sessions of ours that are for the same."""

    purpose: str
    number: int
    active: int
    since_seconds: float


@dataclass(frozen=True)
class Figures:
    """All of it. `missing` says of each part that could not be read why; it is None or empty then."""

    server: Server
    clock: Clock
    wal: Wal | None = None
    volumes: list[Volume] = field(default_factory=list)
    databases: list[Database] = field(default_factory=list)
    slots: list[HeldSlot] = field(default_factory=list)
    senders: list[Sender] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    transactions: list[OldTransaction] = field(default_factory=list)
    sessions: list[OurSessions] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Only what JSON knows."""
        return asdict(self)


def read(stored: Any) -> Figures | None:
    """What `as_json` has made; None where it is from another version of this program."""
    try:
        kinds = get_type_hints(Figures)
        return Figures(**{each.name: _built(kinds[each.name], stored[each.name]) for each in fields(Figures)})
    except (KeyError, TypeError):
        return None


def _built(kind: Any, value: Any) -> Any:
    """A dataclass, a list of one, or the value as it is."""
    if isinstance(kind, type) and is_dataclass(kind):
        return kind(**value)
    inner = next((each for each in get_args(kind) if is_dataclass(each)), None)
    if inner is None or value is None:
        return value
    return [_built(inner, each) for each in value] if isinstance(value, list) else _built(inner, value)
