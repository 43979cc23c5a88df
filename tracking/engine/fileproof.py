"""That the files of a root are equal on both nodes: in a role swap, before and behind the fence."""

import time
from collections.abc import Iterable
from contextlib import suppress

from mwaportal.portaldb import portal_conninfo
from nodes.models import FileRoot
from nodes.postgres.connect import TimedOut, connect, wait_until
from tracking.ifs import changelist, history
from tracking.ifs.carrier import Carrier
from tracking.ifs.difference import CompareOptions, TreeResult
from tracking.ifs.paths import shown
from tracking.ifs.tracker_client import Barrier
from tracking.ifs.watching import below
from tracking.mirror.swap import SwapRefused

from . import filerows
from .filecompares import list_again
from .fileloop import FileLoop

_APPROACH_SECONDS = 2.0
_SEEN = CompareOptions(content=False)
_AT_ONCE = CompareOptions(recheck_seconds=0.0)  # nobody writes any more, and everything is carried


class Proof:
    """One root in one role swap; `rows` is a session for its query, if it has one."""

    def __init__(self, root: FileRoot, loop: FileLoop, carrier: Carrier) -> None:
        self.root, self._loop, self._carrier = root, loop, carrier
        self._portal = connect(portal_conninfo(), "file proof")
        self.rows = filerows.session_for(root)
        # What is carried from here on is to be proved behind the fence.
        self._since = history.latest(self._portal, root.pk)
        self._named: set[bytes] = set()  # what rows name and was found

    def close(self) -> None:
        """End the sessions."""
        self._portal.close()
        if self.rows:
            self.rows.close()

    def begin(self) -> None:
        """By content what was carried since the last compare, by metadata everything; raises `SwapRefused`.

        A root that was never compared is compared whole. Files that are being written are left for behind the
        fence.
        """
        root, carrier = self.root, self._carrier
        if root.compared_turn is None:
            self._refuse(carrier.compare_tree(caught_up=self._caught_up))
        else:
            changed = history.since(self._portal, root.pk, root.compared_turn)
            self._refuse(carrier.compare_paths(changed, caught_up=self._caught_up))
            self._refuse(carrier.compare_tree(_SEEN, caught_up=self._caught_up))
        FileRoot.objects.filter(pk=root.pk).update(compared_turn=self._since)
        if self.rows:
            self._named = filerows.found_before(root, carrier, self.rows)

    def approach(self) -> None:
        """Have carried what was changed up to now, as far as that is quick."""
        self._barrier(time.monotonic() + _APPROACH_SECONDS)
        with suppress(TimedOut):
            self._wait_for_nothing_owed(_APPROACH_SECONDS)

    def settle(self, deadline: float) -> dict[str, object]:
        """The last changes are carried and proved, and there are no more; raises `SwapRefused`.

        Between two barriers nothing may have changed: who writes files has to stop with the database. Nothing
        is carried from then on, for what is written on this side later is not the primary's any more.
        """
        began = time.monotonic()
        first = self._barrier(deadline)
        try:
            self._wait_for_nothing_owed(deadline - time.monotonic())
        except TimedOut:
            raise self._still_owed() from None
        self._loop.hold()
        changed = history.since(self._portal, self.root.pk, self._since)
        found = self._compare(changed, first.unwatched)
        if self._barrier(deadline).listed != first.listed:
            raise self._still_owed()
        for each in found:
            self._refuse(each, still=True)
        if time.monotonic() > deadline:
            raise SwapRefused(f"the files of {self.root} took longer than the budget")
        self._named.difference_update(changed)
        return _step(
            self.root, "files", began, f"{len(changed)} files that have changed are equal by content"
        )

    def refuse_dangling(self, deadline: float) -> dict[str, object]:
        """When all rows are there, too: none may name a file that is not; raises `SwapRefused`."""
        assert self.rows
        began = time.monotonic()
        count = filerows.refuse_dangling(self.root, self._carrier, self.rows, self._named, deadline)
        return _step(self.root, "paths", began, f"{count} paths that rows name are on the secondary")

    def _compare(self, changed: list[bytes], unwatched: Iterable[str]) -> list[TreeResult]:
        """Nobody writes, and everything is carried: what differs now stays so."""
        found = [self._carrier.compare_paths(changed, _AT_ONCE)]
        for path in unwatched:
            raw = path.encode("utf-8", "surrogateescape")
            found.append(self._carrier.compare_tree(_AT_ONCE, path=raw))
        return found

    def _barrier(self, deadline: float) -> Barrier:
        assert self._loop.tracker is not None
        return self._loop.tracker.barrier(max(0.1, deadline - time.monotonic()))

    def _caught_up(self, path: bytes) -> bool:
        return not changelist.owes(self._portal, self.root.pk, path)

    def _wait_for_nothing_owed(self, seconds: float) -> None:
        """What has failed may go better a moment later."""
        wait_until(
            lambda: not changelist.owed(self._portal, self.root.pk).entries,
            "the last changes of files", seconds=seconds, every=0.005,
        )  # fmt: skip

    def _still_owed(self) -> SwapRefused:
        owed = changelist.owed(self._portal, self.root.pk)
        if owed.left:
            return SwapRefused(
                f"{owed.left} files below {self.root} are not on the secondary; needed is none"
            )
        path = changelist.latest(self._portal, self.root.pk) or b""
        return SwapRefused(
            f"files below {self.root} were written behind the fence: {owed.entries} are owed to the"
            f" secondary, the latest is {shown(path)}; needed is that those who write files stop with the"
            " database"
        )

    def _refuse(self, found: TreeResult, *, still: bool = False) -> None:
        """Raise `SwapRefused` unless it is equal, but for what was omitted; `still`: nothing is changing."""
        if found.verdict == "equal":
            return
        omitted = changelist.omitted(self._portal, self.root.pk)
        differences = [each for each in found.differences if _counts(each.path, omitted)]
        wrong = [f"{shown(each.path)}: {each.kind}, {each.what}" for each in differences]
        wrong += [f"{shown(n.path)}: {n.reason}" for n in found.not_compared if _counts(n.path, omitted)]
        if still:
            wrong += [f"{shown(path)} is being written" for path in found.changing]
        more = found.difference_count - len(found.differences)
        list_again(self._portal, self.root, differences)
        if wrong or more:
            others = f"; and {len(wrong) - 3 + more} more" if len(wrong) + more > 3 else ""
            raise SwapRefused(
                f"the files below {self.root} are not equal on both nodes: {'; '.join(wrong[:3])}{others}"
            )


def _counts(path: bytes, omitted: Iterable[bytes]) -> bool:
    return not any(below(path, left_out) for left_out in omitted)


def _step(root: FileRoot, name: str, began: float, text: str) -> dict[str, object]:
    took = round((time.monotonic() - began) * 1000, 1)
    return {"database": str(root), "name": name, "ms": took, "text": text}
