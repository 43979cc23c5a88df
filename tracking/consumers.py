"""The sockets of the live pages, and the engine's ear on the channel layer."""

import asyncio

from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import QueryDict

from mwaportal.access import viewers
from nodes.models import Pair

from .live import GONE, SIGNED_OUT, Room, Shown, in_thread
from .pages import PAGES
from .seen import Visitor


class LiveConsumer(AsyncWebsocketConsumer):
    """The socket of an open page. It only pushes; what people do are ordinary posts.

    A socket that is refused is accepted first: the browser then learns the code, and does not come back.
    """

    room: Room | None = None

    async def connect(self) -> None:
        """Let somebody in who may see the page, and tell the others why not."""
        await self.accept()
        user = self.scope["user"]
        may = await in_thread(viewers, [user.pk]) if user.is_authenticated else {}
        if user.pk not in may:
            await self.close(SIGNED_OUT)
            return
        route = self.scope["url_route"]["kwargs"]
        name, page = route.get("name"), PAGES.get(route.get("key", ""))
        pair_id = await in_thread(_pair_id, name) if name else None
        if page is None or (name and pair_id is None):
            await self.close(GONE)
            return
        self.visitor = Visitor(user.pk, self.scope["session"].session_key, user.get_session_auth_hash())
        await self.channel_layer.group_add(f"user-{user.pk}", self.channel_name)
        query = page.taken(QueryDict(self.scope["query_string"], mutable=False)) if name else {}
        self.room = Room.enter(self, Shown(page.key, pair_id, may[user.pk], tuple(query.items())))

    async def session_end(self, event: dict) -> None:
        """Somebody has signed out: looking again finds out whose session it was."""
        if self.room:
            self.room.touch()

    async def disconnect(self, code: int) -> None:
        """Leave the room and the groups."""
        if self.room:
            self.room.leave(self)
            await self.channel_layer.group_discard(f"user-{self.visitor.user_id}", self.channel_name)


class EngineConsumer(AsyncConsumer):
    """Wakes the engine. The work itself runs in the engine's own threads, never on the event loop."""

    async def pair_wake(self, message: dict) -> None:
        """Somebody has changed what is wanted of a pair (or of any, where none is named)."""
        from .engine import supervisor

        await start_engine()
        supervisor.wake(message.get("pair"))


async def start_engine() -> None:
    """Start the engine's supervisor in this process, or see that it runs."""
    from .engine import supervisor

    await asyncio.to_thread(supervisor.start)


async def stop_engine(seconds: float) -> None:
    """Let the engine come to a safe place within some seconds, and end it."""
    from .engine import supervisor

    await asyncio.to_thread(supervisor.stop, seconds)


def _pair_id(name: str) -> int | None:
    return Pair.objects.filter(name=name).values_list("pk", flat=True).first()
