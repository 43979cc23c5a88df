"""What needs a person now, and which pair is worst off."""

from collections.abc import Sequence
from dataclasses import dataclass

from nodes import status
from nodes.models import Pair, StoragePool, SwapRequest

_WORST_FIRST = (
    "failed", "caution-major", "unknown", "caution-minor", "pending", "in-progress", "incomplete",
    "not-started", "informative", "normal", "succeeded",
)  # fmt: skip
# Suspends that somebody should know of; the others end by themselves, or were asked for.
_TROUBLE = frozenset({226, 266, 8690, 9010, 9030, 9070})


@dataclass(frozen=True)
class Need:
    """Something that does not go on by itself; `kind` is the icon's."""

    kind: str
    text: str


def needs(pair: Pair, pools: Sequence[StoragePool], swap: SwapRequest | None, definitions: int) -> list[Need]:
    """What somebody has to look at; `definitions` are those still to be carried by hand."""
    found = []
    if pair.phase_detail == "E":
        found.append(Need("failed", pair.detail_text or "The migration has stopped with an error."))
    for pool in pools:
        if pool.detail == "SUSPENDED" and pool.reason in _TROUBLE:
            found.append(Need("caution-major", f"{pool} is suspended: {pool.reason} {pool.reason_text}."))
    if definitions:
        one = definitions == 1
        found.append(
            Need("caution-major", f"{definitions} definition{'' if one else 's'} to be carried by hand.")
        )
    if swap and swap.state == "REQUESTED":
        found.append(Need("pending", f"A role swap asked for by {swap.requested_by} waits for approval."))
    return found


def worst(pair: Pair, pools: Sequence[StoragePool], needed: Sequence[Need]) -> int:
    """A rank for sorting: the smaller, the more urgent."""
    kinds = [need.kind for need in needed]
    kinds += [status.PHASE_DETAIL[pair.phase_detail].kind, status.PHASE[pair.phase].kind]
    kinds += [status.REPLICATION_STATE[pool.state].kind for pool in pools]
    return min(_WORST_FIRST.index(kind) for kind in kinds)


def announcement(pair: Pair, pools: Sequence[StoragePool]) -> str:
    """The state in one sentence: read aloud by a screen reader whenever it changes."""
    phase = f"{status.PHASE[pair.phase].label}, {status.PHASE_DETAIL[pair.phase_detail].label.lower()}"
    parts = [f"{pool} {pool.state.lower()} {pool.detail.lower()}".strip() for pool in pools]
    return f"{pair.name}: {'; '.join([phase, *parts])}."
