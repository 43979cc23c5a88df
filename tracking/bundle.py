"""A support bundle: one .zip that helps somebody else to help, written while it is read, without secrets."""

import io
import json
import logging
import zipfile
from collections.abc import Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from mwaportal.known_secrets import Cleaner
from nodes.models import Pair

from . import bundle_parts

_log = logging.getLogger(__name__)
_ABOUT = """\
Support bundle of pair {pair}, made {at:%Y-%m-%d %H:%M:%S} UTC by {by}

versions.json    this program, what it is made of, both servers
settings.json    the portal's settings and which variables of its environment are set
pair.json        the pair with its pools, file roots, criteria, role swaps and properties
health.json      what was measured of both nodes last, the thresholds, alerts
preflight.txt    the checks as they are now, if they ended within {seconds} s
messages.csv     what the engine has said
recorder.csv     the flight recorder
journal.csv      the M9 entries
qsys2/*.csv      the views of IBM i's names

Of each list the newest {rows:,} rows at most. Passwords, keys and sessions are left out; where one stood in a
text there are three asterisks. Names of objects and files, and statements, are in it as they are.
"""


class _Sink(io.RawIOBase):
    """Where the archive is written to; what is in it is taken from time to time."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def take(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        return held


def pieces(pair: Pair, username: str) -> Iterator[bytes]:
    """The archive in pieces; what cannot be read is said in its file, and the others are there."""
    sink, cleaner = _Sink(), Cleaner()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, texts in _files(pair, username, cleaner):
            entry = zipfile.ZipInfo(name, timezone.now().timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as file:
                for text in _guarded(texts):
                    file.write(cleaner.take_out(text).encode("utf-8", "replace"))
                    if piece := sink.take():
                        yield piece
    yield sink.take()


def _files(pair: Pair, username: str, cleaner: Cleaner) -> Iterator[tuple[str, Iterator[str]]]:
    about = _ABOUT.format(
        pair=pair, at=timezone.now(), by=username, seconds=bundle_parts.PREFLIGHT_SECONDS,
        rows=bundle_parts.ROWS,
    )  # fmt: skip
    yield "README.txt", iter([about])
    for name, make in bundle_parts.JSON.items():
        yield name, _as_json(make, pair, cleaner)
    yield "preflight.txt", bundle_parts.preflight_now(pair, cleaner.clean)
    for name, rows in bundle_parts.lists(pair, cleaner.clean):
        yield name, rows


def _as_json(make: bundle_parts.Make, pair: Pair, cleaner: Cleaner) -> Iterator[str]:
    yield json.dumps(_cleaned(make(pair), cleaner), indent=1, cls=DjangoJSONEncoder) + "\n"


def _cleaned(value: Any, cleaner: Cleaner) -> Any:
    """Texts one by one, so that what is left is JSON."""
    if isinstance(value, str):
        return cleaner.clean(value)
    if isinstance(value, dict):
        return {str(name): _cleaned(each, cleaner) for name, each in value.items()}
    return [_cleaned(each, cleaner) for each in value] if isinstance(value, list | tuple) else value


def _guarded(texts: Iterator[str]) -> Iterator[str]:
    try:
        yield from texts
    except Exception as error:  # whatever it was: the rest may help all the same
        _log.warning("a part of a support bundle could not be read: %s", error)
        yield f"\nThis could not be read: {type(error).__name__}\n"
