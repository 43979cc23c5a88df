"""Keeps what the lists have noted of their changes short, and once an hour looks whether it is right."""

import logging
import time

from tracking.listing import totals

_log = logging.getLogger("mwa.engine")
_CHECK_SECONDS = 3600.0
_checked = -_CHECK_SECONDS


def step() -> None:
    """Add up what was noted; every engine does, and all but one find that another one is at it."""
    global _checked
    totals.fold()
    if time.monotonic() - _checked > _CHECK_SECONDS:
        _checked = time.monotonic()
        for name, figures in totals.put_right().items():
            _log.warning("%d totals of list %s were wrong and have been put right", figures, name)
