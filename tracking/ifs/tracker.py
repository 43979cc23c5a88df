"""The tracker of a file root: watches it, and lists in the portal's database what has changed.

Run as `python -m tracking.ifs.tracker`. Its first line on standard input is its configuration, every further
line a command; it answers on standard output, a JSON object a line. It ends when its standard input does.
What it had not listed when it was killed is known to nobody: so whoever starts owes a walk of the whole root,
and says so on the list before it watches, and again when it does. Nothing is written on the source.
"""

import json
import os
import select
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from nodes.postgres.connect import Connection, Unreachable, connect
from tracking.process import Commands, say

from .changelist import ChangeList
from .changes import Change
from .exclusions import Exclusions
from .paths import shown, text
from .reader import Reader
from .watching import RootGone
from .ways import watch

FLUSH_SECONDS = 0.02
_STATE_SECONDS = 1.0
_PORTAL_SECONDS = 60.0  # for how long the portal's database may be away
_BEGIN = "tracking has begun anew: what changed before is not known"


@dataclass(frozen=True)
class TrackerConfig:
    """What a tracker needs. `root` is a path as `os.fsdecode` gives it; `number` stands for it on the list.

    `exclusions` and `trees` are those of `Exclusions`. `way`: "inotify", "fanotify", or "auto" for fanotify
    where the kernel and our rights allow it.
    """

    root: str
    number: int
    portal_conninfo: str
    exclusions: list[str] = field(default_factory=list)
    trees: list[str] = field(default_factory=list)
    way: str = "auto"
    settle_seconds: float = 0.1
    open_seconds: float = 1.0


class Tracker:
    """One run."""

    def __init__(self, config: TrackerConfig, commands: Commands) -> None:
        self._config = config
        self._commands = commands
        self._run = uuid.uuid4().hex
        self._portal = connect(config.portal_conninfo, "file list")
        self._list = ChangeList(self._portal, config.number)
        self._listed = 0
        self._flushed_at = self._stated_at = 0.0
        self._barriers: list[int] = []
        self._way = ""

    def run(self) -> None:
        """Watch and list until told to stop, until the root is gone, or until the parent is."""
        self._state("STARTING")
        self._owe_walk()
        excluded = Exclusions(self._config.exclusions, map(os.fsencode, self._config.trees))
        watching = watch(os.fsencode(self._config.root), excluded, self._config.way)
        self._way = watching.way
        reader = Reader(watching, self._config.settle_seconds, self._config.open_seconds)
        reader.begin()
        try:
            self._serve(reader)
        except RootGone as error:
            self._state("FAILED", str(error))
            raise
        finally:
            reader.end()

    def _serve(self, reader: Reader) -> None:
        started = False
        while not self._commands.ended:
            self._wait(reader)
            reader.check()
            if reader.started and not started:
                started = True
                self._owe_walk()  # of what is watched by now: an earlier walk may have been too early
                self._started(reader)
            for command in self._commands.read():
                if command["do"] == "stop":
                    reader.end()
                    self._flush(reader, reader.everything)
                    say(event="stopped", listed=self._listed)
                    return
                self._barriers.append(int(command["number"]))
                reader.drain()
            if self._barriers and started and reader.drained():
                self._reached(reader)
            now = time.monotonic()
            if now - self._flushed_at >= FLUSH_SECONDS:
                self._flush(reader, reader.due)
            if started and now - self._stated_at > _STATE_SECONDS:
                self._state("WATCHING", "", reader)

    def _wait(self, reader: Reader) -> None:
        """Until something is due, a command comes, or the reader has something to say."""
        now = time.monotonic()
        due = max(reader.next_due() - now, self._flushed_at + FLUSH_SECONDS - now, 0.0)
        select.select([self._commands.fd, reader.news], [], [], min(due, _STATE_SECONDS))

    def _started(self, reader: Reader) -> None:
        self._state("WATCHING", "", reader)
        say(
            event="started",
            way=self._way,
            directories=reader.directories,
            unwatched={text(path): reason for path, reason in reader.unwatched.items()},
        )

    def _reached(self, reader: Reader) -> None:
        """Everything that had happened when a barrier was asked for is on the list."""
        self._flush(reader, reader.everything)
        self._state("WATCHING", "", reader)
        for number in self._barriers:
            unwatched = {text(path): reason for path, reason in reader.unwatched.items()}
            say(event="barrier", number=number, listed=self._listed, unwatched=unwatched)
        self._barriers.clear()

    def _flush(self, reader: Reader, take: Callable[[], list[Change]]) -> None:
        self._flushed_at = time.monotonic()
        changes = take()
        if not changes:
            return
        self._with_portal(lambda: self._list.add(changes))
        self._listed += len(changes)
        problems = [change for change in changes if change.walk and change.reason]
        say(
            event="listed",
            listed=self._listed,
            walks=[[shown(change.path), change.reason] for change in problems[:20]],
        )

    def _owe_walk(self) -> None:
        change = Change(b"", time.monotonic(), walk=True, reason=_BEGIN, changes=1)
        self._with_portal(lambda: self._list.add([change]))

    def _state(self, state: str, reason: str = "", reader: Reader | None = None) -> None:
        directories, unwatched = (reader.directories, len(reader.unwatched)) if reader else (0, 0)
        self._stated_at = time.monotonic()
        self._with_portal(
            lambda: self._list.watched(
                self._run, self._way, state, directories=directories, unwatched=unwatched, reason=reason
            )
        )

    def _with_portal(self, write: Callable[[], None]) -> None:
        """Write; while the portal's database is away, changes wait in memory, for a bounded time."""
        deadline = time.monotonic() + _PORTAL_SECONDS
        while True:
            try:
                return write()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or self._commands.ended:
                    raise
                reason = str(error)
            say(event="waiting", reason=f"the portal's database: {reason.strip()}")
            self._portal.close()
            self._portal = self._again(deadline)
            self._list.reconnect(self._portal)

    def _again(self, deadline: float) -> Connection:
        while True:
            try:
                return connect(self._config.portal_conninfo, "file list")
            except Unreachable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


def _failed(error: BaseException) -> dict[str, Any]:
    return {
        "event": "failed",
        "reason": str(error).strip() or type(error).__name__,
        "kind": type(error).__name__,
    }


def main() -> int:
    """Entry point; returns the exit status."""
    with open(0, "rb", buffering=0, closefd=False) as unbuffered:
        config = TrackerConfig(**json.loads(unbuffered.readline()))
    try:
        Tracker(config, Commands()).run()
    except BrokenPipeError:
        return 1
    except (RootGone, Unreachable, psycopg.Error, OSError) as error:
        say(**_failed(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
