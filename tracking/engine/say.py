"""What the engine says: messages for people, a doorbell for open pages."""

import logging

from mwaportal import doorbell
from nodes.models import Pair, StoragePool
from tracking.models import Message

_log = logging.getLogger("mwa.engine")


def say(pair: Pair, text: str, code: str = "", pool: StoragePool | None = None) -> None:
    """Write a message unless it is what was said last, and wake the pages that show it."""
    last = pair.messages.filter(pool=pool).first()
    if last is not None and (last.code, last.text) == (code, text):
        return
    Message.objects.create(pair=pair, pool=pool, code=code, text=text)
    _log.info("%s%s: %s %s", pair.name, f" {pool}" if pool else "", code, text)
    doorbell.notify(pair.pk)
