"""That the files of a root are equal on both nodes: in a role swap, before and behind the fence."""

import time
from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone

from mwaportal.portaldb import portal_conninfo
from nodes.models import FileRoot
from nodes.postgres.connect import Connection, TimedOut, connect, wait_until
from tracking.ifs import changelist, history
from tracking.ifs.compare import compare_paths, compare_trees
from tracking.ifs.difference import CompareOptions, TreeResult
from tracking.ifs.drain import Place
from tracking.ifs.paths import shown
from tracking.ifs.tracker_client import Barrier
from tracking.ifs.watching import below
from tracking.mirror.swap import SwapRefused

from .filecompares import list_again
from .fileloop import FileLoop

_SEEN = CompareOptions(content=False)
_AT_ONCE = CompareOptions(recheck_seconds=0.0)  # nobody writes any more, and everything is carried


def compare_before(root: FileRoot, place: Place) -> datetime:
    """By content what was carried since the last compare, by metadata everything; raises `SwapRefused`.

    A root that was never compared is compared whole. Files that are being written are left for behind the
    fence. Returns since when everything that is carried is to be proved again.
    """
    began = timezone.now()
    with connect(portal_conninfo(), "file proof") as portal, place.opened() as opened:

        def caught_up(path: bytes) -> bool:
            return not changelist.owes(portal, root.pk, path)

        if root.compared_at is None:
            _refuse(portal, root, compare_trees(opened, caught_up=caught_up))
        else:
            changed = history.since(portal, root.pk, root.compared_at)
            _refuse(portal, root, compare_paths(opened, changed, caught_up=caught_up))
            _refuse(portal, root, compare_trees(opened, _SEEN, caught_up=caught_up))
    FileRoot.objects.filter(pk=root.pk).update(compared_at=began)
    return began


def settle(root: FileRoot, loop: FileLoop, place: Place, since: datetime, deadline: float) -> str:
    """The last changes are carried and proved, and there are no more; raises `SwapRefused`.

    Between two barriers nothing may have changed: who writes files has to stop with the database. Nothing is
    carried from then on, for what is written on this side later is not the primary's any more.
    """
    with connect(portal_conninfo(), "file proof") as portal:
        first = _barrier(loop, deadline)
        _drained(portal, root, deadline)
        loop.hold()
        with place.opened() as opened:
            changed = history.since(portal, root.pk, since)
            found = [compare_paths(opened, changed, _AT_ONCE)]
            for path in first.unwatched:
                raw = path.encode("utf-8", "surrogateescape")
                found.append(compare_trees(opened, _AT_ONCE, path=raw))
        if _barrier(loop, deadline).listed != first.listed:
            raise _still_written(portal, root)
        for each in found:
            _refuse(portal, root, each, still=True)
    if time.monotonic() > deadline:
        raise SwapRefused(f"the files of {root} took longer than the budget")
    return f"{len(changed)} files that have changed are equal by content"


def _barrier(loop: FileLoop, deadline: float) -> Barrier:
    assert loop.tracker is not None
    return loop.tracker.barrier(max(0.1, deadline - time.monotonic()))


def _drained(portal: Connection, root: FileRoot, deadline: float) -> None:
    try:
        wait_until(
            lambda: _nothing_owed(portal, root), "the files", seconds=deadline - time.monotonic(), every=0.01
        )
    except TimedOut:
        raise _still_written(portal, root) from None


def _still_written(portal: Connection, root: FileRoot) -> SwapRefused:
    owed, path = changelist.owed(portal, root.pk), changelist.latest(portal, root.pk) or b""
    return SwapRefused(
        f"files below {root} were written behind the fence: {owed.entries} are owed to the secondary, the"
        f" latest is {shown(path)}; needed is that those who write files stop with the database"
    )


def _nothing_owed(portal: Connection, root: FileRoot) -> bool:
    owed = changelist.owed(portal, root.pk)
    if owed.left:
        raise SwapRefused(f"{owed.left} files below {root} are not on the secondary; needed is none")
    return not owed.entries


def _refuse(portal: Connection, root: FileRoot, found: TreeResult, *, still: bool = False) -> None:
    """Raise `SwapRefused` unless it is equal, but for what was omitted; `still`: nothing may be changing."""
    if found.verdict == "equal":
        return
    omitted = changelist.omitted(portal, root.pk)
    wrong = [f"{shown(d.path)}: {d.kind}, {d.what}" for d in found.differences if _counts(d.path, omitted)]
    wrong += [f"{shown(n.path)}: {n.reason}" for n in found.not_compared if _counts(n.path, omitted)]
    if still:
        wrong += [f"{shown(path)} is being written" for path in found.changing]
    more = found.difference_count - len(found.differences)
    list_again(portal, root, [each for each in found.differences if _counts(each.path, omitted)])
    if wrong or more:
        raise SwapRefused(
            f"the files below {root} are not equal on both nodes: {'; '.join(wrong[:3])}"
            + (f"; and {len(wrong) - 3 + more} more" if len(wrong) + more > 3 else "")
        )


def _counts(path: bytes, omitted: Iterable[bytes]) -> bool:
    return not any(below(path, left_out) for left_out in omitted)
