"""Both ends of a process of ours that is told what to do, and answers, a JSON object a line.

It ends when its standard input does: a parent that was killed leaves none behind.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_TOP = Path(__file__).resolve().parents[1]
Event = dict[str, Any]


class Commands:
    """The child's end: whole lines from standard input, without ever waiting for one."""

    def __init__(self) -> None:
        self.fd = sys.stdin.fileno()
        self.ended = False
        self._rest = b""
        os.set_blocking(self.fd, False)

    def read(self) -> list[Event]:
        """The commands that have come. `ended` says that no more will."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return []
        self.ended = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines if line]


def say(**event: Any) -> None:
    """The child's end: tell the parent."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


class ProcessFailed(Exception):
    """The process ended, or did not answer in time; the message says what it last said."""


class Process:
    """The parent's end. `latest` is the child's last report, the event of name `reports`."""

    module = ""
    what = ""
    reports = ""
    failure: type[ProcessFailed] = ProcessFailed

    def __init__(self, config: Event, on_event: Callable[[Event], None] | None = None) -> None:
        self.latest: Event = {}
        self._events: dict[str, Event] = {}
        self._changed = threading.Condition()
        self._on_event = on_event
        self._ended = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_TOP, start_new_session=True,
        )  # fmt: skip
        self._send(config)
        self._reader = threading.Thread(target=self._read, daemon=True, name=f"{self.what} reader")
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it still works."""
        return not self._ended and self._process.poll() is None

    def started(self, seconds: float = 30.0) -> Event:
        """Wait until it has begun."""
        return self._await("started", seconds)

    def stop(self, seconds: float = 10.0) -> None:
        """Let it finish what it has in hand, and end."""
        try:
            self._ask("stopped", seconds, do="stop")
        finally:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
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
            raise self.failure(self.last_words()) from error
        return self._await(answer, seconds)

    def _await(self, name: str, seconds: float) -> Event:
        with self._changed:
            self._changed.wait_for(lambda: name in self._events or self._ended, seconds)
            if name in self._events:
                return self._events[name]
        if self._ended:
            raise self.failure(self.last_words())
        raise self.failure(f"waited {seconds:g} s for {self.what} to say '{name}'")

    def last_words(self) -> str:
        """Why it ended, as far as it said so."""
        return str(self._events.get("failed", {}).get("reason") or f"the {self.what} process ended")

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
                if event["event"] == self.reports:
                    self.latest = event
                self._changed.notify_all()
            if self._on_event:
                self._on_event(event)
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
