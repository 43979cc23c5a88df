"""Daphne with patience: a long answer goes no faster than its reader takes it, instead of into memory.

An answer that fails in its middle ends its connection. Daphne would send an error page, for which it is too
late: the loop in which it looks after its connections dies of that, and the reader waits for ever.
"""

import asyncio
import time
from functools import partial
from typing import Any

from daphne.server import Server

_LOOK_AGAIN_SECONDS = 0.002


class PatientServer(Server):
    """Daphne writes what an application sends; whether the connection is full, it does not ask."""

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Send a message; after a piece of an answer, wait until the connection takes more, or is lost."""
        await super().handle_reply(protocol, message)
        while message.get("more_body") and _full(protocol):
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Begin to answer; how that ends is heard at once."""
        queue = super().create_application(protocol, scope)
        if answer := self.connections.get(protocol, {}).get("application_instance"):
            answer.add_done_callback(partial(self._ended, protocol))
        return queue

    def protocol_disconnected(self, protocol: Any) -> None:
        """Daphne may have forgotten it already, where `_ended` has said so before."""
        if protocol in self.connections:
            super().protocol_disconnected(protocol)

    def _ended(self, protocol: Any, answer: asyncio.Future[None]) -> None:
        if answer.cancelled() or not answer.exception() or not getattr(protocol, "_response_started", False):
            return
        if protocol in self.connections:
            self.connections[protocol].setdefault("disconnected", time.time())
        protocol.loseConnection()


def _full(protocol: Any) -> bool:
    channel = getattr(protocol, "channel", None)  # None once the connection is lost
    return channel is not None and channel._waitingForTransport  # Twisted asks its own producers only
