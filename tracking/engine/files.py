"""The file roots of one pair: a loop for each, and their part in a role swap."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.db import connection
from django.utils import timezone

from nodes.models import FileRoot, Pair
from tracking.ifs.drain import Place
from tracking.mirror.swap import SwapRefused

from . import fileproof
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
        wanted = set(FileRoot.objects.filter(pair=self._pair_id).values_list("pk", flat=True))
        for number in list(self._loops):
            if number not in wanted or not self._loops[number].is_alive():
                self._loops.pop(number).stop()
        for number in wanted - self._loops.keys():
            self._loops[number] = FileLoop(number, self._owner)
            self._loops[number].start()

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

    def before_fence(self, pair: Pair) -> dict[int, datetime]:
        """Prove what has been carried so far, while applications go on; raises `SwapRefused`.

        Returns since when each root has to be proved once more behind the fence.
        """
        roots = pair.file_roots.select_related("pair")
        return {root.pk: fileproof.compare_before(root, self._tracked(root)[1]) for root in roots}

    def behind_fence(self, pair: Pair, since: dict[int, datetime], seconds: float) -> list[dict[str, object]]:
        """Nobody writes any more: carry the last changes and prove them; raises `SwapRefused`.

        Nothing is carried from then on, until `release`.
        """
        roots = list(pair.file_roots.select_related("pair"))
        if not roots:
            return []
        deadline = time.monotonic() + seconds
        with ThreadPoolExecutor(len(roots)) as pool:
            return list(pool.map(lambda root: self._settle(root, since[root.pk], deadline), roots))

    def _settle(self, root: FileRoot, since: datetime, deadline: float) -> dict[str, object]:
        began = timezone.now()
        try:
            text = fileproof.settle(root, *self._tracked(root), since, deadline)
        finally:
            connection.close()
        took = (timezone.now() - began).total_seconds() * 1000
        return {"database": str(root), "name": "files", "ms": round(took, 1), "text": text}

    def _tracked(self, root: FileRoot) -> tuple[FileLoop, Place]:
        loop = self._loops.get(root.pk)
        if loop is None or loop.place is None:
            raise SwapRefused(f"the files of {root} are not being tracked")
        return loop, loop.place
