"""The file roots of one pair: a loop for each, and their part in a role swap."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from nodes.models import FileRoot, Pair
from tracking.ifs.drain import Place
from tracking.mirror.swap import SwapRefused

from . import fileproof, filerows
from .fileloop import FileLoop

_log = logging.getLogger("mwa.engine")
_END_SECONDS = 15.0


class Files:
    """The loops of a pair's file roots."""

    def __init__(self, pair_id: int, owner: str) -> None:
        self._pair_id = pair_id
        self._owner = owner
        self._loops: dict[int, FileLoop] = {}

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

    def stop(self) -> None:
        """End them all, each after the file that is under way."""
        for loop in self._loops.values():
            loop.stop()
        for loop in self._loops.values():
            loop.join(_END_SECONDS)
        self._loops.clear()

    def release(self) -> None:
        """Carry again, in whatever direction the roles have now."""
        for loop in self._loops.values():
            loop.release()

    def before_fence(self, pair: Pair) -> list["Proved"]:
        """Prove what has been carried so far, while applications go on; raises `SwapRefused`."""
        for loop in self._loops.values():
            loop.compare_nothing()
        proved = []
        for root in pair.file_roots.select_related("pair__source", "pair__copy", "query_pool"):
            loop, place = self._tracked(root)
            since = fileproof.compare_before(root, place)
            proved.append(Proved(root, loop, place, since, filerows.found_before(root, place)))
        return proved

    def behind_fence(self, proved: list["Proved"], deadline: float) -> list[dict[str, object]]:
        """Nobody writes any more: carry the last changes and prove them; raises `SwapRefused`.

        Nothing is carried from then on, until `release`.
        """
        with ThreadPoolExecutor(max(1, len(proved))) as pool:
            return list(pool.map(lambda each: _settle(each, deadline), proved))

    def refuse_dangling(self, proved: list["Proved"], deadline: float) -> list[dict[str, object]]:
        """When all rows are on the secondary, too: none may name a file that is not; raises `SwapRefused`."""
        return [
            filerows.refuse_dangling(each.root, each.place, each.named, each.since, deadline)
            for each in proved
            if each.root.query
        ]

    def _tracked(self, root: FileRoot) -> tuple[FileLoop, Place]:
        loop = self._loops.get(root.pk)
        if loop is None or loop.place is None:
            raise SwapRefused(f"the files of {root} are not being tracked")
        return loop, loop.place


@dataclass(frozen=True)
class Proved:
    """A root before the fence: what is carried from `since` on is to be proved again behind it.

    `named` are paths that rows name and that were found.
    """

    root: FileRoot
    loop: FileLoop
    place: Place
    since: datetime
    named: set[bytes]


def _settle(each: Proved, deadline: float) -> dict[str, object]:
    began = time.monotonic()
    try:
        text = fileproof.settle(each.root, each.loop, each.place, each.since, deadline)
    finally:
        connection.close()
    took = round((time.monotonic() - began) * 1000, 1)
    return {"database": str(each.root), "name": "files", "ms": took, "text": text}
