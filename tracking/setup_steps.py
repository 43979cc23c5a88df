"""The steps of setting a pair up: each is done, open or in trouble by what is there, and nothing else."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from nodes import status
from nodes.models import Pair, StoragePool

from . import criteria_page
from .models import PreflightRun

_PAGES = ("nodes", "databases", "files", "criteria", "setup")
_LABELS = ("Nodes", "Databases", "File roots", "Replication criteria", "Preflight", "Start")
_DONE, _OPEN, _MAY = "succeeded", "not-started", "informative"


@dataclass(frozen=True)
class Step:
    """One step: what there is of it already. Without an address it cannot be gone to yet."""

    number: int
    label: str
    kind: str
    text: str
    address: str


def steps(pair: Pair, pools: list[StoragePool], roots: int, run: PreflightRun | None) -> list[Step]:
    """All steps, in their order; those that may be left out say so. `run` is the latest preflight."""

    def step(number: int, name: str, found: tuple[str, str], *, open_to: bool = True) -> Step:
        return Step(number, _LABELS[number - 1], *found, reverse(name, args=[pair.name]) if open_to else "")

    named = bool(pools)
    return [
        step(1, _PAGES[0], _nodes(pair)),
        step(2, _PAGES[1], _databases(pools)),
        step(3, _PAGES[2], _roots(roots), open_to=named),
        step(4, _PAGES[3], _criteria(pools), open_to=named),
        step(5, _PAGES[4], _preflight(pair, pools, run), open_to=named),
        step(6, "guide", _start(pair), open_to=named),
    ]


def first_steps() -> list[Step]:
    """Before there is a pair."""
    texts = ("a name, and two servers", "at least one", "may be left out", "may be left out", "", "")
    return [
        Step(number, label, "in-progress" if number == 1 else _OPEN, text, "")
        for number, (label, text) in enumerate(zip(_LABELS, texts, strict=True), 1)
    ]


def wizard(view: Any, key: str) -> dict[str, Any] | None:
    """The steps, for the pages that they lead to while a pair is being set up, and the next one's address."""
    if key not in _PAGES or key == "setup" or not view.pair.untouched or view.pair.goal:
        return None
    found = steps(view.pair, view.pool_list, len(view.roots), view.preflight)
    number = _PAGES.index(key) + 1
    after = next((step for step in found if step.number > number and step.address), None)
    return {"steps": found, "number": number, "next": after}


def looked_at_others(run: PreflightRun, pools: list[StoragePool]) -> bool:
    """Whether the databases are not those any more that a preflight has looked at."""
    return run.ended_at is not None and run.databases != [pool.database for pool in pools]


def _nodes(pair: Pair) -> tuple[str, str]:
    told = [f"{node}, PostgreSQL {node.version or 'unknown'}" for node in (pair.source, pair.copy)]
    away = [str(node) for node in (pair.source, pair.copy) if node.version is None]
    if away:
        return "caution-minor", f"{' and '.join(away)} did not answer yet"
    return _DONE, " to ".join(told)


def _databases(pools: list[StoragePool]) -> tuple[str, str]:
    if not pools:
        return _OPEN, "none chosen yet; at least one is needed"
    names = ", ".join(pool.database for pool in pools[:3])
    more = f" and {len(pools) - 3} more" if len(pools) > 3 else ""
    return _DONE, f"{names}{more}"


def _roots(roots: int) -> tuple[str, str]:
    if not roots:
        return _MAY, "may be left out: none, files beside the databases are not moved"
    return _DONE, f"{roots} director{'y' if roots == 1 else 'ies'}"


def _criteria(pools: list[StoragePool]) -> tuple[str, str]:
    found = criteria_page.counted([pool.pk for pool in pools])
    if found["pending"]:
        return "caution-minor", f"{found['pending']} pending, to be committed or rolled back"
    if found["in_force"]:
        return _DONE, f"{found['in_force']} in force"
    return _MAY, "may be left out: everything is mirrored"


def _preflight(pair: Pair, pools: list[StoragePool], run: PreflightRun | None) -> tuple[str, str]:
    if run is None:
        return _OPEN, "not run yet"
    run.pair = pair
    stands = run.standing
    if looked_at_others(run, pools):
        return "caution-minor", "the databases were changed since it was run"
    counts = run.counts
    if stands.value == "FAILED":
        return stands.kind, f"{counts['failed']} of {len(run.checks)} checks failed"
    if stands.value == "PASSED" and counts["warning"]:
        return stands.kind, f"passed with {counts['warning']} warnings"
    return stands.kind, stands.label.lower()


def _start(pair: Pair) -> tuple[str, str]:
    if not pair.goal:
        return _OPEN, "nothing has been done on the nodes yet"
    return status.PHASE[pair.phase].kind, f"asked for by {pair.asked_by or 'somebody'}"
