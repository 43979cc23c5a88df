"""Writes the flight recorder: a handler of the loggers `mwa.*`, whose lines a thread stores some at a time.

Whoever logs waits for nothing: a line goes into a bounded queue, and what does not fit is counted. A line is
of a pair if it says so (`extra={"pair": pk}`) or if it was made of a pair, a pool, a file root or a swap.
"""

import atexit
import logging
import queue
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, close_old_connections, connection

from mwaportal.logs import redact
from nodes import status

_QUEUE_LINES, _BATCH_LINES = 10_000, 1_000
_EVERY_SECONDS = 0.5
_LEVELS_SECONDS = 2.0  # after which a level that was chosen in another process is in force
_CHARACTERS = 8_000
_LEVEL = {logging.ERROR: "ERROR", logging.WARNING: "WARNING", logging.INFO: "INFO", logging.DEBUG: "DETAIL"}
# Whose step it is, by the module that logs it; of the others it is the engine's.
_COMPONENTS = {
    "CAPTURE": ("capturing", "wallimit", "tended"),
    "COPY": ("setup", "progress", "archive"),
    "RESYNC": ("synchronize", "synchronous_mode", "newtables", "measure"),
    "DEFINITIONS": ("definitions", "criteria_list"),
    "OTHERS": ("others",),
    "FILES": ("files", "fileloop", "filecheck", "filecompares", "fileplaces", "fileproof", "filerows"),
    "SWAP": ("cutover", "outcome", "roles"),
    "COMPARE": ("proof",),
    "HEALTH": ("health",),
}
_COMPONENT_OF = {module: component for component, modules in _COMPONENTS.items() for module in modules}
_own = logging.getLogger(__name__)  # not below `mwa`: what fails here would come back here


class Recorder(logging.Handler):
    """Puts lines into the queue; the thread that empties it begins with the first one."""

    def __init__(self) -> None:
        super().__init__()
        self._queue: queue.Queue[dict[str, Any]] = queue.Queue(_QUEUE_LINES)
        self._dropped: Counter[int] = Counter()
        self._levels: dict[int, dict[str, str]] = {}
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises, and never waits."""
        try:
            pair = _pair_of(record)
            if pair is None or self._ended.is_set():
                return
            self._begin()
            component = record.__dict__.get("component") or _COMPONENT_OF.get(record.module, "ENGINE")
            level = _level_of(record)
            if level <= self._recorded(pair, component):
                self._put(pair, component, level, record)
        except Exception:
            self.handleError(record)

    def flush_lines(self, seconds: float = 5.0) -> bool:
        """Whether all that was recorded up to now is stored, within some seconds."""
        deadline = time.monotonic() + seconds
        while self._queue.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self._queue.unfinished_tasks

    def look_again(self) -> None:
        """The levels of a pair were changed."""
        self._levels = {}

    def _begin(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="flight recorder", daemon=True)
            self._thread.start()
            atexit.register(self.flush_lines, 2.0)

    def _recorded(self, pair: int, component: str) -> int:
        chosen = self._levels.get(pair, {}).get(component, status.RECORDER_DEFAULT)
        return status.RECORDER_LEVELS.index(chosen) if chosen in status.RECORDER_LEVELS else 0

    def _put(self, pair: int, component: str, level: int, record: logging.LogRecord) -> None:
        line = {
            "pair_id": pair, "at": datetime.fromtimestamp(record.created, UTC), "component": component,
            "level": level, "place": str(record.__dict__.get("place", "")), "text": _text(record),
            "seconds": record.__dict__.get("seconds"),
        }  # fmt: skip
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self._dropped[pair] += 1

    def _run(self) -> None:
        levels_at = float("-inf")
        while True:
            batch = self._taken()
            try:
                close_old_connections()
                if time.monotonic() - levels_at > _LEVELS_SECONDS or not self._levels:
                    self._learn_levels()
                    levels_at = time.monotonic()
                _store(batch)
                self._tell_dropped()
            except Exception as error:
                _own.warning("%s lines are not recorded: %s: %s", len(batch), type(error).__name__, error)
                self._dropped.update(line["pair_id"] for line in batch)
            finally:
                for _ in batch:
                    self._queue.task_done()
                connection.close()  # a process that is idle holds none

    def _taken(self) -> list[dict[str, Any]]:
        """What has come within half a second of the first line; waits for that one."""
        batch = [self._queue.get()]
        until = time.monotonic() + _EVERY_SECONDS
        while len(batch) < _BATCH_LINES and (left := until - time.monotonic()) > 0:
            with suppress(queue.Empty):
                batch.append(self._queue.get(timeout=left))
        return batch

    def _learn_levels(self) -> None:
        from tracking.models import RecorderSettings

        self._levels = dict(RecorderSettings.objects.values_list("pair_id", "levels")) or {0: {}}

    def _tell_dropped(self) -> None:
        from tracking.models import RecorderSettings

        lost, self._dropped = self._dropped, Counter()
        now = datetime.now(UTC)
        for pair, number in lost.items():
            if _there({pair}):
                RecorderSettings.count_dropped(pair, number)
        said = {
            "component": "RECORDER",
            "level": status.TROUBLE_LEVEL,
            "at": now,
            "place": "",
            "seconds": None,
        }
        _store([{**said, "pair_id": pair, "text": f"{n:,} lines were lost"} for pair, n in lost.items()])


def _store(batch: list[dict[str, Any]]) -> None:
    """Of the pairs that are there; one that is removed just now fails the first attempt."""
    from tracking.models import RecorderLine

    for last in (False, True):
        there = _there({line["pair_id"] for line in batch})
        try:
            RecorderLine.objects.bulk_create(
                RecorderLine(**line) for line in batch if line["pair_id"] in there
            )
            return
        except IntegrityError:
            if last:
                raise


def _there(pairs: set[int]) -> set[int]:
    from nodes.models import Pair

    return set(Pair.objects.filter(pk__in=pairs).values_list("pk", flat=True))


def _pair_of(record: logging.LogRecord) -> int | None:
    given = record.__dict__.get("pair")
    if given is not None:
        return int(given)
    for each in record.args if isinstance(record.args, tuple) else ():
        meta = getattr(each, "_meta", None)
        if meta is not None and meta.app_label == "nodes":
            return int(each.pk if meta.model_name == "pair" else each.pair_id)
    return None


def _level_of(record: logging.LogRecord) -> int:
    return next(
        place for place, least in enumerate(_LEVEL) if record.levelno >= least or least == logging.DEBUG
    )


def _text(record: logging.LogRecord) -> str:
    """Without passwords, and with nothing that the database does not take."""
    text = str(record.__dict__.get("said") or record.getMessage())
    if record.exc_info and record.exc_info[1] is not None:
        text += "\n" + logging.Formatter().formatException(record.exc_info)
    text = redact(text).replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return text if len(text) <= _CHARACTERS else f"{text[:_CHARACTERS]} ... ({len(text):,} characters)"


def recorder() -> Recorder:
    """The one of this process."""
    return next(each for each in logging.getLogger("mwa").handlers if isinstance(each, Recorder))
