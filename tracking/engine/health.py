"""Looks after the nodes of a pair in a thread of its own: nothing of the engine waits for it."""

import contextlib
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from mwaportal import doorbell
from mwaportal.logs import redact
from nodes import status
from nodes.models import FileRoot, Node, Pair
from nodes.postgres.connect import Unreachable
from nodes.postgres.health import Watch
from tracking.ifs.host import Connection
from tracking.ifs.not_reached import NotReached
from tracking.ifs.space import Space, space_here, space_there
from tracking.ifs.watching import RootGone
from tracking.models import Alert, FileRoom, HealthSettings, NodeHealth, RecorderLine, RecorderSettings

from . import filehosts
from .healthrules import Looked, judge, names_in_use
from .say import say, took

_log = logging.getLogger("mwa.engine")
_CODE = "HEALTH"
_PRUNE_SECONDS = 600.0


class Health(threading.Thread):
    """Measures, keeps what it has measured, and raises and ends alerts."""

    def __init__(self, pair_id: int) -> None:
        super().__init__(name=f"health {pair_id}", daemon=True)
        self._pair_id = pair_id
        self._halt = threading.Event()
        self._watches: dict[int, Watch] = {}
        self._hosts: dict[int, Connection] = {}
        self._sizes_at = self._pruned_at = float("-inf")

    def stop(self, seconds: float = 0.0) -> None:
        """End after the look that is under way, and wait for it so long."""
        self._halt.set()
        if seconds:
            self.join(seconds)

    def run(self) -> None:
        """The thread's body."""
        pause = 1.0
        while not self._halt.wait(pause):
            try:
                close_old_connections()
                pause = self._step()
            except (DatabaseError, Pair.DoesNotExist) as error:  # the pair may be gone
                _log.debug("health of pair %s: %s", self._pair_id, error, extra={"pair": self._pair_id})
                pause = 5.0
            except Exception:
                _log.exception("health of pair %s", self._pair_id, extra={"pair": self._pair_id})
                pause = 10.0
        self._let_go()
        connection.close()

    def _step(self) -> float:
        """One look; returns the seconds until the next one."""
        pair = Pair.objects.select_related("source", "copy").get(pk=self._pair_id)
        if pair.goal == Pair.Goal.REMOVED or _swaps(pair):
            self._let_go()  # no session of ours is in anybody's way
            return 1.0
        began, settings = time.monotonic(), HealthSettings.of(pair)
        sizes = began - self._sizes_at >= settings.normal_seconds
        nodes = self._measure(pair, sizes)
        if nodes is None:
            return 1.0
        if sizes:
            self._sizes_at = began
            self._look_for_room(pair)
        self._settle(pair, settings, nodes)
        self._prune(pair)
        took(began, "The nodes were looked at", pair, detail=True)
        return max(0.1, settings.critical_seconds - (time.monotonic() - began))

    def _measure(self, pair: Pair, sizes: bool) -> list[NodeHealth] | None:
        """Source and copy, both at once; None where a role swap began meanwhile, which closes a node."""
        asked = (pair.source, pair.copy)
        with ThreadPoolExecutor(2) as both:
            found = list(both.map(lambda node: self._ask(node, sizes), asked))
        if _swaps(pair):
            return None
        return [NodeHealth.note(pair, node, *answer) for node, answer in zip(asked, found, strict=True)]

    def _ask(self, node: Node, sizes: bool) -> tuple[dict[str, Any] | None, str]:
        conninfo = node.own_conninfo
        watch = self._watches.get(node.pk)
        if watch is None or watch.conninfo != conninfo:
            watch = self._watches[node.pk] = Watch(conninfo)
        try:
            return _without_secrets(watch.look(sizes=sizes).as_json()), ""
        except (Unreachable, psycopg.Error, OSError) as error:
            return None, redact(" ".join(str(error).split()) or type(error).__name__)

    def _look_for_room(self, pair: Pair) -> None:
        for root in pair.file_roots.all():
            root.pair = pair
            values: dict[str, Any] = {"path": str(root.secondary)}
            try:
                space = self._space(root)
                now = timezone.now()
                values |= {"total_bytes": space.total_bytes, "free_bytes": space.free_bytes}
                values |= {"error": "", "measured_at": now}
            except (RootGone, NotReached, OSError, ValueError) as error:
                values["error"] = str(error)
            FileRoom.objects.update_or_create(root=root, defaults=values)

    def _space(self, root: FileRoot) -> Space:
        node = root.pair.secondary
        if filehosts.is_here(node):
            return space_here(root.secondary)
        host = filehosts.way_to(node)
        known = self._hosts.get(node.pk)
        if known is None or known.host != host:
            if known:
                known.close()
            known = self._hosts[node.pk] = Connection(host)
        return space_there(known, root.secondary)

    def _settle(self, pair: Pair, settings: HealthSettings, nodes: Sequence[NodeHealth]) -> None:
        pools = list(pair.pools.all())
        for pool in pools:
            pool.pair = pair
        rooms = list(FileRoom.objects.filter(root__pair=pair))
        used = names_in_use(Pair.objects.prefetch_related("pools__pair"))
        looked = judge(Looked(pair, settings, nodes, pools, rooms, used, timezone.now()))
        begun, ended = Alert.settle(pair, looked.beyond, looked.unjudged, looked.now)
        for alert in begun:
            say(pair, f"{alert.get_kind_display()}: {alert}", _CODE)
        for alert in ended:
            say(pair, f"{alert.get_kind_display()} is over: it was that {alert}", _CODE)
        doorbell.notify(pair.pk)

    def _prune(self, pair: Pair) -> None:
        now = time.monotonic()
        if now - self._pruned_at >= _PRUNE_SECONDS:
            self._pruned_at = now
            Alert.prune(pair)
            RecorderLine.prune(RecorderSettings.of(pair))

    def _let_go(self) -> None:
        for held in (*self._watches.values(), *self._hosts.values()):
            with contextlib.suppress(Exception):
                held.close()
        self._watches.clear()
        self._hosts.clear()


def _swaps(pair: Pair) -> bool:
    return pair.swaps.filter(state__in=status.BUSY_SWAP).exists()


def _without_secrets(value: Any) -> Any:
    """The same, and no password in any of its texts: a statement may hold one."""
    if isinstance(value, str):
        return redact(value).replace("\0", "")
    if isinstance(value, dict):
        return {name: _without_secrets(each) for name, each in value.items()}
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value
