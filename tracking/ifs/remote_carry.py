"""Carrying paths to another host: what `carry` does on one, by rsync over ssh, many names at a time."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Event

from .host import Connection
from .links import Links
from .outcome import Carried, CarryOptions, Failed
from .paths import relative
from .place import Known
from .remote_batch import Batch
from .roots import Root
from .sending import Sending


def carry_paths(
    root: Root,
    connection: Connection,
    paths: Iterable[bytes | str],
    options: CarryOptions | None = None,
    *,
    forbidden: Sequence[Path] = (),
    forbidden_there: Sequence[Path] = (),
    known: Known = (None, None),
    links: Links | None = None,
    stop: Event | None = None,
) -> list[Carried | Failed]:
    """Make the copy of each of these paths what the source has there; the answers are in their order.

    Of a directory, its content is not brought; one that the source has not any more goes with all that is in
    it. Directories that lead to a path are made, and get the metadata of the source's. Names of one file
    that are in one call, or are known to `links`, are one file on the copy. With `options.sync` "path", all
    is on disk when this returns. A file that is sent whole counts as `bytes`, even where rsync needed less.

    Raises `RootGone`, `NotReached` (what was carried by then is whole, and the same call does the rest),
    `Stopped`, and OSError where the copy cannot be synced.
    """
    with Sending(root, connection, forbidden, forbidden_there, known) as sending:
        batch = Batch(sending, options or CarryOptions(), Links() if links is None else links, stop)
        return batch.carry(map(relative, paths))
