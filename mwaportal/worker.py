"""The engine's side of the channel layer, kept alive inside whatever process hosts it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from channels.layers import get_channel_layer
from channels.routing import get_default_application
from channels.worker import Worker

from tracking import consumers

from . import doorbell

logger = logging.getLogger(__name__)
_DRAIN_SECONDS = 20.0
_LONGEST_PAUSE = 10.0


class EngineWorker(Worker):
    """Channels' worker, which leaves nothing behind when it ends."""

    async def arun(self) -> None:
        checker = asyncio.create_task(self.application_checker())
        try:
            await self.handle()
        finally:
            checker.cancel()


async def listen() -> None:
    """Run the engine, and wake it whenever the doorbell rings; ends only by being cancelled."""
    await keep_running("the engine's start", consumers.start_engine, once=True)
    await keep_running("the engine's doorbell", _answer)


async def drain() -> None:
    """Let the engine finish what cannot wait, and stop it; whatever it says, the process ends after this."""
    try:
        await asyncio.wait_for(consumers.stop_engine(_DRAIN_SECONDS), _DRAIN_SECONDS + 10)
    except Exception:
        logger.exception("the engine did not stop as it should")


async def _answer() -> None:
    await EngineWorker(get_default_application(), [doorbell.ENGINE], get_channel_layer()).arun()


async def keep_running(what: str, make: Callable[[], Awaitable[None]], *, once: bool = False) -> None:
    """Run `make()` again whenever it ends or fails, after a growing pause; `once`: until it succeeds."""
    pause = 0.2
    while True:
        began = asyncio.get_running_loop().time()
        try:
            await make()
            if once:
                return
            logger.warning("%s has ended; starting it again", what)
        except Exception as error:
            logger.exception("%s failed (%s); trying again in %.1f s", what, type(error).__name__, pause)
        if asyncio.get_running_loop().time() - began > 60:
            pause = 0.2
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
