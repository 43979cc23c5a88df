"""Parts of a root that cannot be watched: few of them, however many directories they are."""

from .watching import below

_SIBLINGS = 16


class Unwatched:
    """Paths with reasons; where many are side by side, the directory that they are in."""

    def __init__(self) -> None:
        self._parts: dict[bytes, str] = {}
        self._beside: dict[bytes, set[bytes]] = {}

    def add(self, path: bytes, reason: str) -> bytes | None:
        """Note a part; returns the path that is unwatched now, None where that was known."""
        at = path
        while at:
            if at in self._parts:
                return None
            at = at.rpartition(b"/")[0]
        if b"" in self._parts:
            return None
        parent = path.rpartition(b"/")[0]
        siblings = self._beside.setdefault(parent, set())
        siblings.add(path)
        if path and len(siblings) > _SIBLINGS:
            for part in [part for part in self._parts if below(part, parent)]:
                self.remove(part)
            return self.add(parent, reason)
        self._parts[path] = reason
        return path

    def remove(self, path: bytes) -> None:
        """It is watched now."""
        if self._parts and self._parts.pop(path, None) is not None:
            parent = path.rpartition(b"/")[0]
            siblings = self._beside.get(parent, set())
            siblings.discard(path)
            if not siblings:
                self._beside.pop(parent, None)

    def parts(self) -> dict[bytes, str]:
        """All of them."""
        return dict(self._parts)
