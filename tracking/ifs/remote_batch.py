"""One batch of paths, carried by one rsync; what has not arrived, or has changed meanwhile, once more.

That rsync ends without an error means that the copy has every name. Else a dry run tells which it has not.
"""

import errno
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from threading import Event

from .aim import ABSENT, Aim, aim
from .entry import DIR, INELIGIBLE, STMF, link_of, type_of
from .far import Shared, listing, removable, remove, shared_at
from .itemized import Item
from .links import Links
from .outcome import Carried, CarryOptions, Failed, Stopped, failed
from .paths import shown
from .remote_words import Messages
from .rsync import Ran
from .sending import Sending

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds
_LONGEST_PATH = 4096 - 1 - 10  # PATH_MAX, less the zero byte and what a temporary name has more
_TRIES = 3  # of a path whose source does not change
_KEPT = "what is left out of the root is in it, and stays"


@dataclass
class Batch:
    """Carries paths of a root; `again` are those not done yet, with how often they were tried."""

    sending: Sending
    options: CarryOptions
    links: Links
    stop: Event | None = None
    done: dict[bytes, Carried | Failed] = field(default_factory=dict)
    again: dict[bytes, int] = field(default_factory=dict)
    shared: dict[bytes, Shared] | None = None  # names on the copy that share a file; None: to be asked
    seen: dict[bytes, Item] = field(default_factory=dict)  # what was done to a target, by the first run

    def carry(self, paths: Iterable[bytes]) -> list[Carried | Failed]:
        """In the order given. Raises `NotReached`, `Stopped`."""
        asked = list(dict.fromkeys(paths))
        self.again = dict.fromkeys(asked, 0)
        deadline, pause = time.monotonic() + self.options.wait_seconds, _SHORTEST_PAUSE
        while self.again:
            if self.stop is not None and self.stop.is_set():
                raise Stopped
            self._round(late=time.monotonic() + pause > deadline)
            if self.again:
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        if self.options.sync == "path":
            self.sending.sync()
        return [self.done[path] for path in asked]

    def _round(self, late: bool) -> None:
        aims = [found for path in list(self.again) if (found := self._aim(path))]
        self._refuse([one for one in aims if one.do == "refuse"])
        wanted = [one for one in aims if one.do in ("bring", "remove")]
        if not wanted:
            return
        ran, undone = self._push(wanted)
        if undone and not self.sending.excluded.plain:
            self._make_way(wanted, undone)
        messages = Messages(self.sending, ran.errors)
        guilty = ran.broken_off and any(messages.about(one.target) for one in wanted)
        for one in wanted:
            self._judge(one, messages, undone, late, guilty)

    def _aim(self, path: bytes) -> Aim | None:
        """What is to be done, where that is not clear already."""
        longest = max(len(self.sending.here), len(self.sending.there)) + 1 + len(path)
        if longest > _LONGEST_PATH:
            reason = f"{longest:,} bytes with what leads to the root; rsync takes at most {_LONGEST_PATH:,}"
            self._end(path, Failed(path, ABSENT, f"the path {shown(path)[:80]}... has {reason}", False))
            return None
        try:
            found = aim(self.sending, path, settled=not self.options.trust_times)
        except OSError as error:
            self._end(path, failed(path, ABSENT, error, self.sending.source))
            return None
        if found.do == "remove" and self._left_out_there(found):
            found = replace(found, do="leave")
        if found.do == "leave":
            self._end(path, Carried(path, found.type, "excluded"))
            return None
        return found

    def _left_out_there(self, gone: Aim) -> bool:
        """A pattern for directories only asks what the copy has."""
        excluded, target = self.sending.excluded, gone.target
        if excluded.plain or excluded(target, False) == excluded(target, True):
            return False
        found = listing(self.sending, [target]).get(target)
        return found is not None and excluded(target, found.type == DIR)

    def _push(self, aims: Sequence[Aim]) -> tuple[Ran, dict[bytes, Item | None]]:
        """Carry them; what the copy has not afterwards: by target, and how it differs where that is known."""
        names = list(dict.fromkeys([*(one.target for one in aims), *self._other_names(aims)]))
        more = [] if self.options.trust_times else ["--checksum"]
        if self._to_be_parted(aims):
            more = ["--ignore-times"]  # a new file, also where the content is the same
        ran = self._rsync(names, more, durable=self.options.sync == "path")
        for item in ran.items:
            self.seen.setdefault(item.path, item)
        if not ran.code and not ran.errors:
            return ran, {}
        left = self._rsync(names, ["--dry-run"])
        undone: dict[bytes, Item | None] = {item.path: item for item in left.items}
        messages = Messages(self.sending, left.errors)
        undone |= {name: None for name in names if left.broken_off or messages.about(name)}
        return ran, undone

    def _rsync(self, names: Sequence[bytes], more: Sequence[str], durable: bool = False) -> Ran:
        options = self.sending.options(*more, durable=durable)
        return self.sending.push_named(options, names, self.stop)

    def _to_be_parted(self, aims: Sequence[Aim]) -> bool:
        """Whether the copy has another name for the file of one that is by itself on the source.

        rsync would give the metadata of the one to both.
        """
        alone = [one.path for one in aims if one.type == STMF and one.status and one.status.st_nlink == 1]
        shared = shared_at(self.sending, alone) if self.shared is None else self.shared
        return any(path in shared for path in alone)

    def _other_names(self, aims: Sequence[Aim]) -> list[bytes]:
        """Of files that have several: those that are known, so that the copy has one file, too."""
        found = []
        for one in aims:
            link = link_of(one.status) if one.status and one.type == STMF else None
            if link is None:
                continue
            with self.links.lock:
                self.links.add(link, one.path, one.status.st_nlink if one.status else 0)
                others = self.links.others(link, one.path)
            for other in others:
                try:
                    status = aim(self.sending, other)
                except OSError:
                    continue
                if status.do == "bring" and status.status and link_of(status.status) == link:
                    found.append(other)
                else:
                    self.links.forget(link, other)
        return found

    def _refuse(self, aims: Sequence[Aim]) -> None:
        """What the copy had under these names is not what the source has."""
        if not aims:
            return
        self._clear([one.target for one in aims])
        for one in aims:
            kind = type_of(one.status.st_mode) if one.status else ABSENT
            why = INELIGIBLE.get(kind, "its type is not known")
            self._end(one.path, Failed(one.path, kind, f"{shown(one.target)} is ineligible: {why}", False))

    def _clear(self, targets: Sequence[bytes]) -> set[bytes]:
        """Remove these from the copy; returns those of which something stays."""
        if self.sending.excluded.plain:
            remove(self.sending, targets)
            return set()
        found = listing(self.sending, targets, inside=True)
        tops, kept = removable(((path, one.type == DIR) for path, one in found.items()), self.sending)
        remove(self.sending, tops)
        return set(kept) & set(targets)

    def _make_way(self, aims: Sequence[Aim], undone: dict[bytes, Item | None]) -> None:
        """Empty the copy's directories that stand where the source has something else, or nothing."""
        other = [
            one.target
            for one in aims
            if one.target in undone and not (one.status and stat.S_ISDIR(one.status.st_mode))
        ]
        found = listing(self.sending, other)
        directories = [path for path, entry in found.items() if entry.type == DIR]
        kept = self._clear(directories) if directories else set()
        for one in aims:
            if one.target in kept and one.do == "remove":
                self._end(one.path, Carried(one.path, DIR, "removed", 0, (_KEPT,)))
            elif one.target in kept:
                error = OSError(
                    errno.ENOTEMPTY,
                    "the directory holds what is left out of the root; needed is an empty one",
                )
                self._end(one.path, failed(one.path, one.type, error, self.sending.source))
            elif one.target in directories and one.do == "remove":
                self._end(one.path, Carried(one.path, DIR, "removed"))

    def _judge(
        self, one: Aim, messages: Messages, undone: dict[bytes, Item | None], late: bool, guilty: bool
    ) -> None:
        """`guilty`: one path has ended the run before its end."""
        if one.path in self.done:
            return
        said = messages.concerning(one.target)
        if self._changed(one):
            if late:
                self._end(one.path, self._never_stopped(one))
        elif one.target not in undone:
            self._end(one.path, self._carried(one))
        elif said is None and guilty:
            pass  # without that one, it may go well
        elif said is None and self.again[one.path] < _TRIES:
            self.again[one.path] += 1
        else:
            self._not_done(one, undone[one.target], *messages.reason(one.target))

    def _not_done(self, one: Aim, item: Item | None, why: str, retryable: bool) -> None:
        """All but the metadata may have arrived."""
        if item and not (item.new or item.content or item.sent or item.deleted):
            self._end(one.path, self._carried(one, why))
        else:
            self._end(one.path, Failed(one.path, one.type, why, retryable))

    def _changed(self, one: Aim) -> bool:
        try:
            now = aim(self.sending, one.path)
        except OSError:
            return True
        return (now.version, now.target, now.do) != (one.version, one.target, one.do)

    def _never_stopped(self, one: Aim) -> Failed:
        size = f": {one.status.st_size:,} bytes, then others" if one.status else ""
        text = f"{shown(one.path)} never stopped changing while it was read{size}"
        needed = f"needed is a pause in writing within {self.options.wait_seconds:g} s"
        return Failed(one.path, one.type, f"{text}; {needed}", True, changing=True)

    def _carried(self, one: Aim, lacking: str = "") -> Carried:
        item = self.seen.get(one.target)
        size = one.status.st_size if one.status and one.type == STMF else None
        lacks = [lacking] if lacking else []
        uid = self.sending.connection.facts.uid
        if uid and one.status and one.status.st_uid != uid and one.do == "bring":
            lacks.append(f"owner {one.status.st_uid}: uid {uid} on the copy may not give files away")
        if item is None:
            return Carried(one.path, one.type, "same", 0, tuple(lacks), size)
        sent = item.length if item.sent else 0
        if one.target != one.path or one.do == "remove":
            return Carried(one.path, ABSENT, "removed", 0, tuple(lacks))
        return Carried(one.path, one.type, item.what, sent, tuple(lacks), size)

    def _end(self, path: bytes, outcome: Carried | Failed) -> None:
        self.done[path] = outcome
        self.again.pop(path, None)
