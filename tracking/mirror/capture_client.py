"""The parent's end of a capture process: start it, tell it what to do, hear what it says."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from .capture import CaptureConfig

_TOP = Path(__file__).resolve().parents[2]
Event = dict[str, Any]


class CaptureFailed(Exception):
    """The capture process ended, or did not answer in time; the message says what it last said."""


class CaptureProcess:
    """A running capture. `latest` is its last report of the position up to which the list is durable."""

    def __init__(self, config: CaptureConfig, on_event: Callable[[Event], None] | None = None) -> None:
        self.latest: Event = {}
        self._events: dict[str, Event] = {}
        self._changed = threading.Condition()
        self._on_event = on_event
        self._ended = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tracking.mirror.capture"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_TOP, start_new_session=True,
        )  # fmt: skip
        self._send(asdict(config))
        self._reader = threading.Thread(target=self._read, daemon=True, name="capture reader")
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it still captures."""
        return not self._ended and self._process.poll() is None

    def started(self, seconds: float = 30.0) -> Event:
        """Wait until it reads the slot."""
        return self._await("started", seconds)

    def hold(self, seconds: float = 10.0) -> Event:
        """From now on it lists on, but confirms nothing further to the source."""
        return self._ask("held", seconds, do="hold")

    def begin_sheet(self, seconds: float = 60.0) -> int:
        """Begin a new sheet; returns its number. All before it is listed on the earlier ones."""
        return int(self._ask("sheet", seconds, do="sheet")["sheet"])

    def until(self, position: int, seconds: float = 60.0) -> Event:
        """List everything up to a position, confirm exactly that, and end."""
        return self._ask("reached", seconds, do="until", position=position)

    def stop(self, seconds: float = 10.0) -> None:
        """List what has been read, confirm it, and end."""
        try:
            self._ask("stopped", seconds, do="stop")
        finally:
            self.kill()

    def kill(self) -> None:
        """End it at once; what it had not confirmed is still in the slot."""
        self._process.kill()
        self._process.wait()
        self._reader.join(5)
        for pipe in (self._process.stdin, self._process.stdout):
            # A command that it did not read any more is still in the buffer, and closing would send it.
            with contextlib.suppress(BrokenPipeError):
                if pipe:
                    pipe.close()

    def _ask(self, answer: str, seconds: float, **command: Any) -> Event:
        with self._changed:
            self._events.pop(answer, None)
        try:
            self._send(command)
        except BrokenPipeError as error:
            raise CaptureFailed(self._last_words()) from error
        return self._await(answer, seconds)

    def _await(self, name: str, seconds: float) -> Event:
        with self._changed:
            self._changed.wait_for(lambda: name in self._events or self._ended, seconds)
            if name in self._events:
                return self._events[name]
        if self._ended:
            raise CaptureFailed(self._last_words())
        raise CaptureFailed(f"waited {seconds:g} s for capture to say '{name}'")

    def _last_words(self) -> str:
        return str(self._events.get("failed", {}).get("reason") or "the capture process ended")

    def _send(self, message: Event) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            with self._changed:
                self._events[event["event"]] = event
                if event["event"] == "position":
                    self.latest = event
                self._changed.notify_all()
            if self._on_event:
                self._on_event(event)
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def __enter__(self) -> "CaptureProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
