"""Which watch is which directory: a tree of names, so that a rename of a directory is one change to it."""

from collections.abc import Iterator

_PATHS = 5_000


class Directory:
    """A watched directory. Without a parent it is the root, or nobody knows where it is."""

    __slots__ = ("children", "name", "parent", "watch")

    def __init__(self, watch: int) -> None:
        self.watch = watch
        self.name = b""
        self.parent: Directory | None = None
        self.children: dict[bytes, Directory] | None = None  # None: none, of which there are most


class Map:
    """The watched directories of one root, by watch and by place."""

    def __init__(self, root: int) -> None:
        self.root = Directory(root)
        self.by_watch = {root: self.root}
        self.adrift: dict[Directory, float] = {}  # no longer where they were, and since when
        self._paths: dict[Directory, bytes | None] = {}  # while nothing moves

    def path(self, directory: Directory) -> bytes | None:
        """Where it is, or None if that isn't known (any more)."""
        if directory in self._paths:
            return self._paths[directory]
        names = []
        at: Directory | None = directory
        while at is not None and at is not self.root:
            names.append(at.name)
            at = at.parent
        path = b"/".join(reversed(names)) if at is self.root else None
        if len(self._paths) >= _PATHS:
            self._paths.clear()
        self._paths[directory] = path
        return path

    def child(self, parent: Directory, name: bytes) -> Directory | None:
        """What is known to be there."""
        return parent.children.get(name) if parent.children else None

    def place(self, directory: Directory, parent: Directory, name: bytes, now: float) -> None:
        """It is there now, and what was known to be there is not."""
        before = self.child(parent, name)
        if before is directory:
            return
        if before is not None:
            self.displace(before, now)
        self._unlink(directory)
        self.adrift.pop(directory, None)
        directory.parent, directory.name = parent, name
        if parent.children is None:
            parent.children = {}
        parent.children[name] = directory

    def displace(self, directory: Directory, now: float) -> None:
        """It is not there any more; it may turn up elsewhere."""
        self._unlink(directory)
        self.adrift[directory] = now

    def lost(self, watch: int, now: float) -> None:
        """The kernel has ended a watch: its directory is deleted or unmounted."""
        directory = self.by_watch.pop(watch, None)
        if directory is not None and directory is not self.root:
            self._unlink(directory)
            self.adrift.pop(directory, None)
            for child in list(directory.children.values()) if directory.children else ():
                self.displace(child, now)

    def inside(self, directory: Directory) -> Iterator[Directory]:
        """It and everything in it."""
        stack = [directory]
        while stack:
            at = stack.pop()
            stack.extend(at.children.values() if at.children else ())
            yield at

    def contains(self, outer: Directory, inner: Directory) -> bool:
        """Whether `inner` is `outer` or inside it."""
        at: Directory | None = inner
        while at is not None and at is not outer:
            at = at.parent
        return at is outer

    def _unlink(self, directory: Directory) -> None:
        self._paths.clear()
        parent = directory.parent
        if parent is not None and parent.children and parent.children.get(directory.name) is directory:
            del parent.children[directory.name]
            if not parent.children:
                parent.children = None
        directory.parent = None
