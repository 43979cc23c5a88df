"""How much room another host has, and what the copy there takes of it already."""

from collections.abc import Iterator

from .entry import Link
from .host import Refused
from .sending import Sending
from .watching import RootGone

_SECONDS = 600.0  # for a look at all names of a large copy
_FREE = 'cd -P -- "$1" && stat -f -c "%a %S %d %c" .'
_OBJECTS = 'cd -P -- "$1" && find . -mindepth 1 -printf "%y %n %D:%i %b %P\\0" 2>/dev/null; true'


def room_there(sending: Sending) -> tuple[int, int | None]:
    """Free bytes and inodes of the copy's file system; None: it makes them as it needs them."""
    try:
        said = sending.connection.run(_FREE, str(sending.root.copy))
    except Refused as error:
        raise RootGone(f"{sending.root.copy} on {sending.connection.host.host}: {error}") from error
    blocks, block, inodes, all_inodes = map(int, said.split())
    return blocks * block, inodes if all_inodes else None


def objects_there(sending: Sending) -> Iterator[tuple[Link | None, int]]:
    """Each object of the copy that is not left out: which file it is if that has several names, its bytes."""
    said = sending.connection.run(_OBJECTS, str(sending.root.copy), seconds=_SECONDS)
    for line in said.split(b"\0")[:-1]:
        kind, names, file, blocks, path = line.split(b" ", 4)
        if sending.excluded(path, kind == b"d"):
            continue
        device, _, inode = file.partition(b":")
        link = (int(device), int(inode)) if int(names) > 1 and kind != b"d" else None
        yield link, int(blocks) * 512 if kind == b"f" else 0
