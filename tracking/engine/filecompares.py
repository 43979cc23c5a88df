"""Compares of file roots while files are written: those that people asked for, and a look now and then.

What differs although nothing is owed was changed on the secondary, or by a way that no tracker sees. It is
reported, and carried again: the primary wins.
"""

import logging
import threading
import time

import psycopg
from django.db import DatabaseError
from django.utils import timezone

from mwaportal import doorbell
from mwaportal.portaldb import portal_conninfo
from nodes.models import FileRoot
from nodes.postgres.connect import Connection, Unreachable, connect
from tracking.ifs import changelist, history
from tracking.ifs.carrier import Carrier
from tracking.ifs.changelist import ChangeList
from tracking.ifs.changes import Change
from tracking.ifs.compare import Progress
from tracking.ifs.difference import CompareOptions, Difference, TreeResult
from tracking.ifs.not_reached import NotReached
from tracking.ifs.paths import shown
from tracking.ifs.watching import RootGone
from tracking.models import FileCompare

from .beat import Beat
from .beside import Beside, Pace
from .say import say

_log = logging.getLogger("mwa.engine")
_EVERY_SECONDS = 900.0
_SHARE = 20  # of the time: a look must not become what the disks do
_SHOWN = 200
_UNSEEN = 20


class FileCompares:
    """The compares of one root, one at a time, in a thread of their own."""

    def __init__(self) -> None:
        self._beside = Beside()
        self._pace = Pace(_EVERY_SECONDS, _SHARE, first=_EVERY_SECONDS)

    def step(self, root: FileRoot, carrier: Carrier) -> None:
        """Begin the next one where it is time, or somebody has asked."""
        if self._beside.halt.is_set() or not root.replicating or self._beside.busy:
            return
        asked = root.compares.filter(ended_at=None).first()
        if asked or self._pace.due:
            self._beside.begin(self._run, root, carrier, asked)

    def stop(self) -> None:
        """End the one that is running; one that was asked for begins again with the next engine."""
        self._beside.stop()

    def _run(self, root: FileRoot, carrier: Carrier, asked: FileCompare | None) -> None:
        try:
            with self._pace.turn():
                if asked:
                    carry_out(asked, carrier, self._beside.halt)
                else:
                    look(root, carrier, self._beside.halt)
        except (Unreachable, psycopg.Error, DatabaseError, RootGone, NotReached, OSError) as error:
            _log.warning("comparing the files of %s: %s", root, error)


def carry_out(asked: FileCompare, carrier: Carrier, stop: threading.Event) -> None:
    """A compare that was asked for; one that `stop` ends stays asked for."""
    root, seen = asked.root, Seen()
    if not asked.begin():  # somebody has stopped it, and then an engine died
        FileCompare.objects.filter(pk=asked.pk, ended_at=None).update(ended_at=timezone.now())
        return
    with connect(portal_conninfo(), "file compare") as portal:
        turn = history.latest(portal, root.pk)
    with Beat(asked, root.pair_id, seen.figures, stop) as beat:
        found = _compare(root, carrier, beat.halt, content=asked.content, progress=seen.so_far)
    if stop.is_set():
        return
    asked.refresh_from_db(fields=["stopped_by"])
    if asked.content and not found.not_compared:
        FileRoot.objects.filter(pk=root.pk).update(compared_turn=turn)
    keep(asked, found)


def look(root: FileRoot, carrier: Carrier, stop: threading.Event) -> None:
    """By metadata; only what differs is kept."""
    began = timezone.now()
    found = _compare(root, carrier, stop, content=False)
    if found.differences:
        compare = FileCompare(root=root, content=False, why=FileCompare.Why.LOOK, asked_at=began)
        compare.started_at = began
        keep(compare, found)


def keep(compare: FileCompare, found: TreeResult) -> None:
    """Write down how it ended."""
    compare.ended_at = compare.progress_at = timezone.now()
    compare.verdict = "" if compare.stopped_by else found.verdict.upper()
    compare.objects_compared, compare.bytes_compared = found.objects_compared, found.bytes_compared
    compare.difference_count = found.difference_count
    compare.differences = [
        {"path": shown(each.path), "kind": each.kind, "type": each.type, "what": each.what}
        for each in found.differences[:_SHOWN]
    ]
    unseen = [f"{shown(each.path)}: {each.reason}" for each in found.not_compared[:_UNSEEN]]
    unseen += [f"{shown(path)} is being written all the time" for path in found.changing[:_UNSEEN]]
    compare.message = "; ".join(unseen)
    compare.save()
    FileCompare.prune(compare.root.compares.all())
    doorbell.notify(compare.root.pair_id)


def list_again(portal: Connection, root: FileRoot, differences: list[Difference]) -> None:
    """What differs is owed once more, and people are told."""
    if not differences:
        return
    now, why = time.monotonic(), "differs from the primary"
    changes = [
        Change(each.path, now, walk=each.type == "*DIR", content=True, reason=why, changes=1)
        for each in differences
    ]
    ChangeList(portal, root.pk).add(changes)
    first = differences[0]
    say(
        root.pair,
        f"{root}: {len(differences)} objects differ on {root.secondary} although nothing is owed, and are"
        f" carried again; the primary wins. The first: {shown(first.path)}: {first.kind}, {first.what}",
        "CONFLICT",
    )


class Seen:
    """How far a compare is; told by its own threads."""

    def __init__(self) -> None:
        self._objects = self._bytes = 0

    def so_far(self, objects: int, size: int) -> None:
        """So many objects with so many bytes."""
        self._objects, self._bytes = objects, size

    def figures(self) -> dict[str, int]:
        """As the row of the compare has them."""
        return {"objects_compared": self._objects, "bytes_compared": self._bytes}


def _compare(
    root: FileRoot,
    carrier: Carrier,
    stop: threading.Event,
    *,
    content: bool,
    progress: Progress | None = None,
) -> TreeResult:
    with connect(portal_conninfo(), "file compare") as portal:
        found = carrier.compare_tree(
            CompareOptions(content=content), stop=stop, progress=progress,
            caught_up=lambda path: not changelist.owes(portal, root.pk, path),
        )  # fmt: skip
        if not stop.is_set():
            left_out = changelist.omitted(portal, root.pk)
            list_again(portal, root, [each for each in found.differences if each.path not in left_out])
    return found
