"""The doorbell: a row is the queue, a message only says that somebody should look at it now.

A message may be lost, so every reader also looks without being rung: the engine by its sweep, the
page by its own tick.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import connection, transaction

logger = logging.getLogger(__name__)
ENGINE = "engine"  # the channel on which the engine is woken
_loop: asyncio.AbstractEventLoop | None = None


def register_loop(loop: asyncio.AbstractEventLoop | None) -> None:
    """Tell which event loop of this process reads the channel layer, or that it does no longer."""
    global _loop
    _loop = loop


def ring(pair_id: int | None) -> None:
    """Wake the engine for a pair once the present transaction is committed; from synchronous code only."""
    _after_commit(lambda: _deliver(lambda layer: _tell_engine(layer, pair_id)))


def notify(pair_id: int) -> None:
    """Tell the open pages of a pair, and the list of pairs, that there is something new to show.

    From any thread, with an event loop or without; the present transaction is committed first.
    """
    _after_commit(lambda: _deliver(lambda layer: _tell_pages(layer, pair_id)))


def end_session(user_id: int) -> None:
    """Close the sockets of somebody who has logged out."""
    message = {"type": "session.end"}
    _after_commit(lambda: _deliver(lambda layer: layer.group_send(f"user-{user_id}", message)))


async def _tell_engine(layer: Any, pair_id: int | None) -> None:
    await layer.send(ENGINE, {"type": "pair.wake", "pair": pair_id})


async def _tell_pages(layer: Any, pair_id: int) -> None:
    message = {"type": "pair.changed", "pair": pair_id}
    await layer.group_send(f"pair-{pair_id}", message)
    await layer.group_send("pairs", message)


def _after_commit(act: Callable[[], None]) -> None:
    if connection.in_atomic_block:
        transaction.on_commit(act)
    else:
        act()


def _deliver(message: Callable[[Any], Any]) -> None:
    layer = get_channel_layer()
    if _loop is not None and _loop.is_running():
        # The in-memory layer's queues wake their reader only from the reader's own loop.
        asyncio.run_coroutine_threadsafe(_quietly(message(layer)), _loop)
    elif not isinstance(layer, InMemoryChannelLayer):
        async_to_sync(_quietly)(message(layer))


async def _quietly(delivery: Any) -> None:
    try:
        await delivery
    except ChannelFull:
        pass  # plenty of rings are waiting already
    except Exception as error:
        logger.warning("the doorbell did not ring: %s: %s", type(error).__name__, error)
