"""What needs a person now, and which pair is worst off."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nodes import status
from nodes.models import FileRoot, Node, Pair, StoragePool, SwapRequest
from nodes.status import Status

from .engine.filehosts import is_here
from .fileroots import waiting
from .models import Alert

Mirrored = Sequence[StoragePool | FileRoot]
_WORST_FIRST = (
    "failed", "caution-major", "unknown", "caution-minor", "pending", "in-progress", "incomplete",
    "not-started", "informative", "normal", "succeeded",
)  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """Stage, phase and detail of a pair as a reader should take them; `text` says more."""

    stage: Status
    phase: Status
    detail: Status
    text: str


def standing(pair: Pair, mirrored: Mirrored) -> Standing:
    """The phase goes on while a pool or a root is suspended; it does not look as if all were well."""
    stage, phase = status.STAGE[pair.stage], status.PHASE[pair.phase]
    detail, text = status.PHASE_DETAIL[pair.phase_detail], pair.detail_text
    stopped = [each for each in mirrored if each.in_trouble]
    if detail.value == "E":
        kind = detail.kind
    elif stopped:
        kind, text = "caution-major", "; ".join(map(_suspended, stopped))
        detail = replace(status.PHASE_DETAIL["E"], kind=kind)
    elif phase.value == "SYNC" and not all(each.replicating for each in mirrored):
        kind = "in-progress"
    else:
        return Standing(stage, phase, detail, text)
    return Standing(replace(stage, kind=kind), replace(phase, kind=kind), detail, text)


def _suspended(each: StoragePool | FileRoot) -> str:
    name = f"File root {each}" if isinstance(each, FileRoot) else str(each)
    return f"{name} is suspended: {each.reason} {each.why}"


@dataclass(frozen=True)
class Need:
    """Something that does not go on by itself; `kind` is the icon's."""

    kind: str
    text: str


def alerts_of(pairs: Iterable[Pair]) -> dict[int, list[Alert]]:
    """What is beyond its threshold and nobody has acknowledged, of each pair, the newest first."""
    found: dict[int, list[Alert]] = {pair.pk: [] for pair in pairs}
    for alert in Alert.objects.filter(pair__in=list(found), ended_at=None, acknowledged_by=""):
        found[alert.pair_id].append(alert)
    return found


def needs(
    pair: Pair,
    mirrored: Mirrored,
    swap: SwapRequest | None,
    definitions: int,
    files: int,
    alerts: Sequence[Alert] = (),
) -> list[Need]:
    """What somebody has to look at; `definitions` and `files` are those that wait for somebody."""
    found = []
    if pair.phase_detail == "E":
        found.append(Need("failed", pair.detail_text or "The migration has stopped with an error."))
    roots = any(isinstance(each, FileRoot) for each in mirrored)
    if roots and pair.goal and not pair.attended and not is_here(pair.primary):
        found.append(Need("caution-major", _nobody(pair.primary)))
    for each in mirrored:
        if each.in_trouble:
            said = _suspended(each)
            found.append(Need("caution-major", said if said.endswith("?") else f"{said}."))
    if definitions:
        one = definitions == 1
        found.append(
            Need("caution-major", f"{definitions} definition{'' if one else 's'} to be carried by hand.")
        )
    if files:
        found.append(Need("caution-major", f"{waiting(files)}."))
    for alert in alerts:
        found.append(Need(status.ALERT[alert.kind].kind, f"{alert.get_kind_display()}: {alert}."))
    if swap and swap.state == "REQUESTED":
        found.append(Need("pending", f"A role swap asked for by {swap.requested_by} waits for approval."))
    return found


def _nobody(primary: Node) -> str:
    where = primary.file_host or "the portal's host"
    return (
        f"No engine works on it. The files of node {primary} are on {where}: needed is an engine that runs"
        f" there, with MWA_FILE_HOST={primary.file_host}."
    )


def worst(stands: Standing, mirrored: Mirrored, needed: Sequence[Need]) -> int:
    """A rank for sorting: the smaller, the more urgent."""
    kinds = [need.kind for need in needed] + [stands.detail.kind, stands.phase.kind]
    kinds += [status.REPLICATION_STATE[each.state].kind for each in mirrored]
    return min(_WORST_FIRST.index(kind) for kind in kinds)


def announcement(pair: Pair, stands: Standing, mirrored: Mirrored) -> str:
    """The state in one sentence: read aloud by a screen reader whenever it changes."""
    phase = f"{stands.phase.label}, {stands.detail.label.lower()}"
    parts = [f"{each.asp_name} {each.standing.lower()}" for each in mirrored]
    return f"{pair.name}: {'; '.join([phase, *parts])}."
