"""The sockets of the live pages: each page's own path, below /ws."""

from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path, re_path

from mwaportal import converters  # noqa: F401

from .consumers import LiveConsumer
from .live import GONE


class NoSuchPage(AsyncWebsocketConsumer):
    """Answers on every other path."""

    async def connect(self) -> None:
        """Say so."""
        await self.accept()
        await self.close(GONE)


sockets = [
    path("ws/", LiveConsumer.as_asgi()),
    path("ws/pairs/<pair:name>/", LiveConsumer.as_asgi()),
    path("ws/pairs/<pair:name>/<slug:key>/", LiveConsumer.as_asgi()),
    re_path("", NoSuchPage.as_asgi()),
]
