"""What the engine says: messages for people with a doorbell for open pages, and steps for the recorder."""

import logging
import time

from mwaportal import doorbell
from nodes import status
from nodes.models import FileRoot, Pair, StoragePool
from tracking.models import Message

_TROUBLE = ("ERROR", "PREFLGHT", "CONFLICT")
_log = logging.getLogger("mwa.engine")


def say(pair: Pair, text: str, code: str = "", pool: StoragePool | None = None) -> None:
    """Write a message unless it is what was said last, and wake the pages that show it."""
    last = pair.messages.filter(pool=pool).first()
    if last is not None and (last.code, last.text) == (code, text):
        return
    Message.objects.create(pair=pair, pool=pool, code=code, text=text)
    said = f"{code} {text}".strip()
    recorded = {"pair": pair.pk, "place": pool or "", "said": said}
    level = logging.WARNING if _is_trouble(code) else logging.INFO
    _log.log(level, "%s%s: %s", pair.name, f" {pool}" if pool else "", said, extra=recorded, stacklevel=2)
    doorbell.notify(pair.pk)


def took(began: float, what: str, of: Pair | StoragePool | FileRoot, *, detail: bool = False) -> None:
    """Record a step that began at `began` (time.monotonic()); as a `detail` where those are wanted."""
    pair = of.pk if isinstance(of, Pair) else of.pair_id
    seconds = time.monotonic() - began
    recorded = {"pair": pair, "place": "" if isinstance(of, Pair) else of, "said": what, "seconds": seconds}
    level = logging.DEBUG if detail else logging.INFO
    _log.log(level, "%s: %s, %.3f s", of, what, seconds, extra=recorded, stacklevel=2)


def _is_trouble(code: str) -> bool:
    return code in _TROUBLE or (code.isdigit() and int(code) in status.TROUBLE_REASONS)
