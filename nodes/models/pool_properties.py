"""The properties that hold for a pool, some of which may be its own."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .pair import Pair


@dataclass(frozen=True)
class PoolProperties:
    """What holds for a pool: what it has for itself, else what its pair has (see `nodes.properties`)."""

    synchronous: bool
    auto_resume: bool
    parallel_degree: int
    savact: str
    savactwait_seconds: int
    suspend_wait_seconds: int
    lag_limit_bytes: int
    wal_limit_bytes: int
    whole_share_percent: int

    @classmethod
    def names(cls) -> list[str]:
        """Those that a pool may have for itself; the others are the pair's alone."""
        return [each.name for each in fields(cls)]

    @classmethod
    def of(cls, pair: "Pair", own: Mapping[str, Any]) -> "PoolProperties":
        """What holds now."""
        return cls(**{name: own.get(name, getattr(pair, name)) for name in cls.names()})
