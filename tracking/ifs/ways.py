"""Which of the kernel's interfaces watches a root."""

from .fanotify_watch import FanotifyWatch
from .inotify_watch import InotifyWatch
from .watching import Excluded, Watch


def watch(root: bytes, excluded: Excluded, way: str = "auto") -> Watch:
    """A watch of a root, not started. Raises `RootGone` or OSError.

    "auto" is fanotify where kernel, rights and file system allow it, else inotify.
    """
    if way in ("auto", "fanotify"):
        try:
            return FanotifyWatch(root, excluded)
        except OSError:
            if way == "fanotify":
                raise
    return InotifyWatch(root, excluded)
