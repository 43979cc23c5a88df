"""The file roots of one pair: a loop for each, and their part in a role swap."""

from django.db import connection

from nodes.models import FileRoot, Pair
from tracking.ifs.carrier import Carrier
from tracking.mirror.swap import SwapRefused

from .fileloop import FileLoop
from .fileproof import Proof

_END_SECONDS = 15.0


class Files:
    """The loops of a pair's file roots."""

    def __init__(self, pair_id: int, owner: str) -> None:
        self._pair_id = pair_id
        self._owner = owner
        self._loops: dict[int, FileLoop] = {}
        self._proofs: list[Proof] = []  # of the role swap that is under way

    def step(self) -> None:
        """Begin what is not begun, end what is not there any more."""
        roots = FileRoot.objects.filter(pair=self._pair_id)
        if roots.filter(pair__swaps__state__in=("RUNNING", "COMMITTED")).exists():
            return  # which way they go is not settled
        wanted = set(roots.values_list("pk", flat=True))
        for number in list(self._loops):
            if number not in wanted or not self._loops[number].is_alive():
                self._loops.pop(number).stop()
        for number in wanted - self._loops.keys():
            self._loops[number] = FileLoop(number, self._owner)
            self._loops[number].start()

    def in_step(self, pair: Pair) -> bool:
        """Whether every root is, by what this engine knows itself."""
        roots = pair.file_roots.values_list("pk", flat=True)
        return all((loop := self._loops.get(pk)) and loop.in_step(pair.swapped) for pk in roots)

    def wake(self) -> None:
        """Look now."""
        for loop in list(self._loops.values()):
            loop.wake()

    def stop(self) -> bool:
        """End them all, each after the file that is under way; whether they have ended in time."""
        loops = list(self._loops.values())
        for loop in loops:
            loop.stop()
        for loop in loops:
            loop.join(_END_SECONDS)
        self._loops.clear()
        return not any(loop.is_alive() for loop in loops)

    def before_fence(self, pair: Pair) -> None:
        """Prove what has been carried so far, while applications go on; raises `SwapRefused`."""
        for loop in self._loops.values():
            loop.compare_nothing()
        for root in pair.file_roots.select_related("pair__source", "pair__copy", "query_pool"):
            self._proofs.append(Proof(root, *self._tracked(root)))
            self._proofs[-1].begin()

    def approach(self) -> None:
        """Right before the fence: what is owed then is what changed during this."""
        for each in self._proofs:
            each.approach()

    def behind_fence(self, deadline: float) -> list[dict[str, object]]:
        """Nobody writes any more: carry the last changes and prove them; raises `SwapRefused`.

        Nothing is carried from then on, until `release`. For a thread of its own, beside the rows.
        """
        try:
            return [each.settle(deadline) for each in self._proofs]
        finally:
            connection.close()

    def refuse_dangling(self, deadline: float) -> list[dict[str, object]]:
        """When all rows are on the secondary, too: none may name a file that is not; raises `SwapRefused`."""
        return [each.refuse_dangling(deadline) for each in self._proofs if each.rows]

    def release(self) -> None:
        """Carry again, in whatever direction the roles have now."""
        while self._proofs:
            self._proofs.pop().close()
        for loop in self._loops.values():
            loop.release()

    def _tracked(self, root: FileRoot) -> tuple[FileLoop, Carrier]:
        loop = self._loops.get(root.pk)
        carrier = loop.carrier if loop else None
        if loop is None or carrier is None:
            raise SwapRefused(f"the files of {root} are not being tracked")
        return loop, carrier
