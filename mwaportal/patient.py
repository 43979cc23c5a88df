"""Daphne with patience: a long answer goes no faster than its reader takes it, instead of into memory."""

import asyncio
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


def _full(protocol: Any) -> bool:
    channel = getattr(protocol, "channel", None)  # None once the connection is lost
    return channel is not None and channel._waitingForTransport  # Twisted asks its own producers only
