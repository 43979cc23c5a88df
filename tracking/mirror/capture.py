"""The capture process (RDF's extractor): reads a slot and keeps only which rows changed.

Run as `python -m tracking.mirror.capture`. Its first line on standard input is its configuration,
every further line a command; it answers on standard output, a JSON object a line. It ends when its
standard input does: a parent that was killed leaves no capture behind.
"""

import json
import sys
import time
from dataclasses import dataclass
from typing import Any

import psycopg

from nodes.postgres.connect import Unreachable, connect
from tracking.process import Commands, say

from .keylist import KeyList
from .stream import LogicalStream, StreamBroken
from .tracker import Tracker

FLUSH_SECONDS = 0.5
_FLUSH_CHANGES = 200_000
_SLOT_BUSY_SECONDS = 15.0
_IDLE_SECONDS = 0.25


@dataclass(frozen=True)
class CaptureConfig:
    """What a capture process needs; connection strings go through a pipe, never a command line.

    `limits` are distinct rows by "schema.table" past which a table is listed whole.
    """

    source_conninfo: str
    portal_conninfo: str
    slot: str
    publication: str
    pool: int
    limits: dict[str, int]
    default_limit: int


class Capture:
    """One run of the extractor on one slot."""

    def __init__(self, config: CaptureConfig, commands: Commands) -> None:
        self._commands = commands
        self._portal = connect(config.portal_conninfo, "capture list", autocommit=False)
        self._keys = KeyList(self._portal, config.pool, config.limits, config.default_limit)
        self._tracker = Tracker(self._keys)
        self._portal.commit()
        self._confirmed = self._flushed = 0  # the slot itself knows where it stands
        self._stream = _open_stream(config)
        self._flushed_at = 0.0
        self._changes = 0
        self._until: int | None = None
        self._held = False

    def run(self) -> None:
        """Capture until told to stop, until the position asked for, or until the parent is gone."""
        say(event="started")
        while not self._commands.ended:
            urgent = self._until is not None
            messages = self._stream.messages(0.005 if urgent else _IDLE_SECONDS, self._commands.fd)
            self._changes += self._tracker.take(messages)
            for command in self._commands.read():
                if not self._obey(command):
                    return
            reached = self._position()
            if self._until is not None and reached >= self._until:
                return self._finish(self._until)
            now = time.monotonic()
            if now - self._flushed_at > FLUSH_SECONDS or self._changes > _FLUSH_CHANGES:
                self._flush(now)
            if urgent:
                self._stream.confirm(self._confirmed, reply=True)

    def _obey(self, command: dict[str, Any]) -> bool:
        match command["do"]:
            case "hold":
                self._held = True
                say(event="held", position=self._confirmed)
            case "sheet":
                self._flush(time.monotonic())
                self._tracker.begin_sheet()
                say(event="sheet", sheet=self._keys.sheet)
            case "until":
                self._until = command["position"]
            case "stop":
                self._flush(time.monotonic())
                self._stream.close()
                say(event="stopped", position=self._flushed)
                return False
        return True

    def _position(self) -> int:
        """Up to where everything has been read: inside a transaction only up to the one before."""
        if self._tracker.in_transaction:
            return self._tracker.position
        return max(self._tracker.position, self._stream.received)

    def _flush(self, now: float) -> None:
        """List first, durably; only then may the source let its log go (invariant 1)."""
        reached = self._position()
        self._flushed_at = now
        if self._changes or reached > self._flushed:
            self._keys.flush(reached)
            self._flushed = max(self._flushed, reached)
        if not self._held:
            self._confirmed = self._flushed
        self._stream.confirm(self._confirmed)
        say(event="position", position=self._flushed, changes=self._changes, sheet=self._keys.sheet)
        self._changes = 0

    def _finish(self, until: int) -> None:
        """Confirm exactly the hand-over position, and see the server take note of it."""
        self._held = True
        self._flush(time.monotonic())
        say(event="reached", position=until, last_change=self._tracker.last_change, sheet=self._keys.sheet)
        self._stream.confirm(until, reply=True)
        for _ in self._stream.messages(1.0, None):
            pass
        self._stream.close()


def _open_stream(config: CaptureConfig) -> LogicalStream:
    """Whoever read the slot before may need a moment to let go of it."""
    deadline = time.monotonic() + _SLOT_BUSY_SECONDS
    while True:
        try:
            return LogicalStream(config.source_conninfo, config.slot, config.publication)
        except StreamBroken as error:
            if "is active for PID" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def main() -> int:
    """Entry point; returns the exit status."""
    with open(0, "rb", buffering=0, closefd=False) as unbuffered:
        config = CaptureConfig(**json.loads(unbuffered.readline()))
    try:
        Capture(config, Commands()).run()
    except BrokenPipeError:
        return 1
    except (StreamBroken, Unreachable, psycopg.Error) as error:
        say(event="failed", reason=str(error).strip())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
