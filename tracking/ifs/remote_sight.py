"""Looking at many paths on both hosts at once: are they the same objects? By dry runs of rsync."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event

from .aim import Aim, aim
from .difference import Difference, NotCompared
from .entry import STMF, link_of, type_of
from .far import Shared, listing, shared_at
from .itemized import FarEntry, Item
from .paths import parted, shown
from .remote_words import Messages
from .sending import Sending
from .sight import Seen

_OTHER = "it was another object meanwhile"


@dataclass
class RemoteSight:
    """Looks at paths of a root whose copy is on another host; `content`: also at what files hold.

    `no_directories`: what the source has as a directory and the copy has not, as far as it was seen. What is
    below one is missing, whatever rsync finds through a link.
    """

    sending: Sending
    content: bool
    stop: Event | None = None
    no_directories: set[bytes] = field(default_factory=set)

    def look(self, paths: Sequence[bytes]) -> dict[bytes, Seen]:
        """At each path, on both sides."""
        found: dict[bytes, Seen] = {}
        aims = []
        for path in paths:
            try:
                one = aim(self.sending, path, settled=self.content)
            except OSError as error:
                who = f": uid {os.geteuid()} needs the right" if isinstance(error, PermissionError) else ""
                reason = f"the source says {error.strerror or error}{who}"
                found[path] = Seen(NotCompared(path, reason), None, None)
                continue
            if one.do == "leave":
                found[path] = Seen(None, None, None)
            else:
                aims.append(one)
        return found | self._compared(aims)

    def _compared(self, aims: Sequence[Aim]) -> dict[bytes, Seen]:
        if not aims:
            return {}
        wanted = [one.target for one in aims if one.do != "refuse"]
        items, messages = self._dry_run(wanted)
        self._note(aims, items)
        suspects = [one.target for one in aims if self._to_ask(one, items)]
        there = listing(self.sending, suspects, stop=self.stop)
        shared = shared_at(self.sending, [one.path for one in aims if one.type == STMF])
        owners = self._owners(aims)
        return {
            one.path: self._seen(one, items.get(one.target), there.get(one.target), messages, shared, owners)
            for one in aims
        }

    def _dry_run(self, targets: Sequence[bytes]) -> tuple[dict[bytes, Item], Messages]:
        options = self.sending.options("--dry-run", *(["--checksum"] if self.content else []))
        ran = self.sending.push_named(options, list(dict.fromkeys(targets)), self.stop)
        return {item.path: item for item in ran.items}, Messages(self.sending, ran.errors)

    def _note(self, aims: Sequence[Aim], items: dict[bytes, Item]) -> None:
        """Directories that lead to a path are among the items, too."""
        self.no_directories.update(item.path for item in items.values() if item.is_dir and item.new)
        for one in aims:
            if one.path not in items or not items[one.path].new:
                self.no_directories.discard(one.path)

    def _to_ask(self, one: Aim, items: dict[bytes, Item]) -> bool:
        """Whether to look at what the copy has; not below a link there."""
        return (one.do != "bring" or one.target in items) and not self._lost(one.target)

    def _lost(self, path: bytes) -> bool:
        while path := parted(path)[0]:
            if path in self.no_directories:
                return True
        return False

    def _owners(self, aims: Sequence[Aim]) -> dict[bytes, FarEntry]:
        """rsync does not compare the owners where it could not set them."""
        if not self.sending.connection.facts.uid:
            return {}
        return listing(self.sending, [one.target for one in aims if one.target], stop=self.stop)

    def _seen(
        self,
        one: Aim,
        item: Item | None,
        there: FarEntry | None,
        messages: Messages,
        shared: dict[bytes, Shared],
        owners: dict[bytes, FarEntry],
    ) -> Seen:
        version = one.version or None
        read = one.status.st_size if one.status and one.type == STMF and self.content else 0
        try:
            now = aim(self.sending, one.path)
        except OSError:
            now = None
        if now is None or (now.version, now.do, now.target) != (one.version, one.do, one.target):
            return Seen(Difference(one.path, "content", one.type, _OTHER), (), ())
        what = self._difference(one, item, there, shared, owners.get(one.target))
        if what is None and (line := messages.about(one.target)) is not None:
            return Seen(NotCompared(one.path, f"the copy says {shown(line)}"), None, None)
        return Seen(what, version, None, read)

    def _difference(
        self,
        one: Aim,
        item: Item | None,
        there: FarEntry | None,
        shared: dict[bytes, Shared],
        owner: FarEntry | None,
    ) -> Difference | None:
        lost = self._lost(one.target)
        if one.do != "bring" or one.status is None or one.target != one.path:
            # Of one that lies below a file of the source, the file itself tells.
            if there is None or lost or (one.do == "bring" and one.target != one.path):
                return None
            return Difference(one.target, "extra", there.type, f"{there.type} on the copy only")
        if lost or (item is not None and item.new):
            if there is None or lost or there.type == one.type:
                return Difference(one.path, "missing", one.type, f"{one.type} on the source only")
            what = f"{one.type} on the source, {there.type} on the copy"
            return Difference(one.path, "type", one.type, what)
        return self._unequal(one, one.status, item, there) or _shared(one, one.status, shared, owner)

    def _unequal(
        self, one: Aim, status: os.stat_result, item: Item | None, there: FarEntry | None
    ) -> Difference | None:
        if item is None:
            return None
        if item.content and there is not None and there.size != status.st_size and one.type == STMF:
            what = f"{status.st_size:,} bytes, copy {there.size:,}"
            return Difference(one.path, "content", one.type, what)
        if item.content:
            what = "points to somewhere else" if stat.S_ISLNK(status.st_mode) else "other bytes, by checksum"
            return Difference(one.path, "content", one.type, what)
        words = item.metadata
        if there is not None:
            words = words.replace("mode", f"mode {stat.filemode(status.st_mode)[1:]}, copy {there.mode}")
            words = words.replace("owner", f"owner {status.st_uid}, copy {there.uid}")
            words = words.replace("group", f"group {status.st_gid}, copy {there.gid}")
        several = "is not one file with its other names, as on the source"
        return Difference(one.path, "metadata", one.type, words or several)


def _shared(
    one: Aim, status: os.stat_result, shared: dict[bytes, Shared], owner: FarEntry | None
) -> Difference | None:
    other = shared.get(one.path)
    if other is not None and link_of(status) is None:
        what = f"one of {other.names} names of a file on the copy, a file by itself on the source"
        return Difference(one.path, "metadata", type_of(status.st_mode), what)
    if owner is not None and (owner.uid, owner.gid) != (status.st_uid, status.st_gid):
        what = f"owner {status.st_uid}:{status.st_gid}, copy {owner.uid}:{owner.gid}"
        return Difference(one.path, "metadata", type_of(status.st_mode), what)
    return None
