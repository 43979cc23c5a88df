"""Hashes of what files hold: blake3, read without a trace, several files at a time."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from blake3 import blake3

from .opened import below
from .outcome import Changed
from .paths import parted, shown
from .regular import open_source

_READ = 1 << 20
_AT_ONCE = 256


class NotHashed(Exception):
    """What a file holds cannot be read; the message says why."""


def hash_file(directory: int, name: bytes) -> bytes:
    """Of a regular file in an open directory. Raises OSError, and `Changed` where it is none."""
    fd = open_source(directory, name)
    try:
        hasher = blake3()
        buffer = bytearray(min(_READ, os.fstat(fd).st_size + 1))
        view = memoryview(buffer)
        while length := os.readv(fd, [buffer]):
            hasher.update(view[:length])
        return hasher.digest()
    finally:
        os.close(fd)


def hashes(top: int, paths: Iterable[bytes], jobs: int = 2) -> Iterator[tuple[bytes, bytes | NotHashed]]:
    """The hash of each file below the open root `top`, in the order given; or why there is none."""
    with ThreadPoolExecutor(jobs, thread_name_prefix="file hash") as pool:
        remaining = iter(paths)
        while batch := list(islice(remaining, _AT_ONCE)):
            yield from zip(batch, pool.map(lambda path: _hash(top, path), batch), strict=True)


def _hash(top: int, path: bytes) -> bytes | NotHashed:
    directory, name = parted(path)
    try:
        with below(top, directory) as fd:
            return hash_file(fd, name)
    except Changed:
        return NotHashed(f"{shown(path)} is not a regular file")
    except OSError as error:
        return NotHashed(f"{shown(path)}: {error.strerror}")
