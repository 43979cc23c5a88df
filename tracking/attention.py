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

_WHERE = {
    "pair": "Overview",
    "migration": "System migration",
    "definitions": "Definitions and other objects",
    "paths": "Files",
    "files": "File roots",
    "cutover": "Cutover",
    "health": "Health center",
}


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
    """What does not go on by itself; `kind` is the icon's, `page` the one where it is dealt with."""

    kind: str
    text: str
    page: str = ""

    @property
    def where(self) -> str:
        """What the link to that page says."""
        return _WHERE.get(self.page, "Look there")


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
    page = "migration" if pair.stage == "SYSTEM MIGRATION" else "pair"
    if pair.phase_detail == "E":
        found.append(Need("failed", pair.detail_text or "The migration has stopped with an error.", page))
    roots = any(isinstance(each, FileRoot) for each in mirrored)
    if roots and pair.goal and not pair.attended and not is_here(pair.primary):
        found.append(Need("caution-major", _nobody(pair.primary), "files"))
    for each in mirrored:
        if each.in_trouble:
            said = _suspended(each)
            said = said if said.endswith("?") else f"{said}."
            found.append(Need("caution-major", said, _page_of(each)))
    if definitions:
        one = definitions == 1
        said = f"{definitions} definition{'' if one else 's'} to be carried by hand."
        found.append(Need("caution-major", said, "definitions"))
    if files:
        found.append(Need("caution-major", f"{waiting(files)}.", "paths"))
    for alert in alerts:
        said = f"{alert.get_kind_display()}: {alert}."
        found.append(Need(status.ALERT[alert.kind].kind, said, "health"))
    if swap and swap.state == "REQUESTED":
        said = f"A role swap asked for by {swap.requested_by} waits for approval."
        found.append(Need("pending", said, "cutover"))
    return found


def _page_of(each: StoragePool | FileRoot) -> str:
    if isinstance(each, FileRoot):
        return "files"
    return "definitions" if each.reason == 9040 else "pair"


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


def urgent(needed: Iterable[tuple[Pair, Need]]) -> list[tuple[Pair, Need]]:
    """What needs somebody in any pair, the worst first; what is equally bad stays in its order."""
    return sorted(needed, key=lambda each: _WORST_FIRST.index(each[1].kind))


def announcement(pair: Pair, stands: Standing, mirrored: Mirrored) -> str:
    """The state in one sentence: read aloud by a screen reader whenever it changes."""
    phase = f"{stands.phase.label}, {stands.detail.label.lower()}"
    parts = [f"{each.asp_name} {each.standing.lower()}" for each in mirrored]
    return f"{pair.name}: {'; '.join([phase, *parts])}."
