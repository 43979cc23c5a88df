"""Which of the kernel's interfaces watches a root."""

from .inotify_watch import InotifyWatch
from .watching import Excluded, Watch


def watch(root: bytes, excluded: Excluded, way: str = "auto") -> Watch:
    """A watch of a root, not started. Raises `RootGone` or OSError."""
    return InotifyWatch(root, excluded)
