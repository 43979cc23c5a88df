"""Live pages: one rendering for all sockets that show the same page to the same kind of viewer.

A room sleeps until something has changed (or its tick is over), renders the page's own partials in a
thread, and sends what has become different. Who may see it is read again every time.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import close_old_connections
from django.utils import timezone

from mwaportal.access import Viewer, viewers

from . import pages
from .pages import Parts

logger = logging.getLogger(__name__)
TICK_SECONDS = 5.0  # a lost doorbell, and times that pass, are shown after this long
SHORTEST_SECONDS = 0.25
_IDLE_SHARE = 5  # a room that renders slowly renders less often: a sixth of a core at most
SIGNED_OUT, GONE, CHANGED_ROLE = 4401, 4404, 1012  # 1012 has the browser come again

_threads = ThreadPoolExecutor(2, thread_name_prefix="live page")


class Socket(Protocol):
    """What a room needs of a socket."""

    user_id: int
    session_key: str
    session_hash: str

    async def send(self, text_data: str) -> None: ...
    async def close(self, code: int) -> None: ...


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Run database work off the event loop, and off the one thread that Channels shares among all."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _with_connection, function, args)


def _with_connection(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    close_old_connections()
    try:
        return function(*args)
    finally:
        close_old_connections()


def still_seen_by(sockets: list[Socket]) -> dict[Socket, Viewer]:
    """The sockets whose session still stands, with what their viewers may do now."""
    users = User.objects.in_bulk({socket.user_id for socket in sockets})
    sessions = set(
        Session.objects.filter(
            session_key__in={socket.session_key for socket in sockets}, expire_date__gt=timezone.now()
        ).values_list("session_key", flat=True)
    )
    may = viewers(users)
    return {
        socket: may[socket.user_id]
        for socket in sockets
        if socket.user_id in may
        and socket.session_key in sessions
        and users[socket.user_id].get_session_auth_hash() == socket.session_hash
    }


@dataclass(frozen=True)
class Shown:
    """What a room shows, and to whom: a page of a pair with its parameters, or the list of pairs."""

    page: str
    pair_id: int | None
    viewer: Viewer
    query: tuple[tuple[str, str], ...] = ()

    def render(self) -> Parts | None:
        """Its parts; None where the pair is gone."""
        if self.pair_id is None:
            return pages.render_home()
        return pages.render_pair(self.pair_id, self.page, self.viewer, dict(self.query))


class Room:
    """All sockets that show one page to one kind of viewer; exists as long as it has sockets."""

    _rooms: dict[Shown, "Room"] = {}

    def __init__(self, what: Shown) -> None:
        self.what = what
        self._sockets: dict[Socket, bool] = {}  # and whether it has had its first snapshot
        self._dirty = asyncio.Event()
        self._shown: Parts = {}

    @classmethod
    def enter(cls, socket: Socket, what: Shown) -> "Room":
        """Let a socket in; its first snapshot is on the way."""
        if (room := cls._rooms.get(what)) is None:
            room = cls._rooms[what] = cls(what)
            room._task = asyncio.create_task(room._run())
        room._sockets[socket] = False
        room.touch()
        return room

    def leave(self, socket: Socket) -> None:
        """Forget a socket; the last one closes the room."""
        self._sockets.pop(socket, None)
        if not self._sockets and self._rooms.get(self.what) is self:
            del self._rooms[self.what]
            self._task.cancel()

    def touch(self) -> None:
        """Something has changed."""
        self._dirty.set()

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            self._dirty.clear()
            began = clock()
            try:
                await self._update()
            except Exception:
                logger.exception("a live page could not be rendered; it shows that it is not live")
            await asyncio.sleep(max(SHORTEST_SECONDS, _IDLE_SHARE * (clock() - began)))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._dirty.wait(), TICK_SECONDS)

    async def _update(self) -> None:
        sockets = list(self._sockets)
        seen_by, parts = await in_thread(self._look, sockets)
        changed = {name: html for name, html in (parts or {}).items() if self._shown.get(name) != html}
        self._shown = parts or {}
        for socket in sockets:
            if socket not in self._sockets:
                continue
            viewer = seen_by.get(socket)
            if viewer != self.what.viewer or parts is None:
                await socket.close(_close_code(viewer, parts))
                self.leave(socket)  # ends this very task with the last one
            else:
                first, self._sockets[socket] = not self._sockets[socket], True
                await socket.send(pages.message(parts if first else changed))

    def _look(self, sockets: list[Socket]) -> tuple[dict[Socket, Viewer], Parts | None]:
        return still_seen_by(sockets), self.what.render()


def _close_code(viewer: Viewer | None, parts: Parts | None) -> int:
    if viewer is None:
        return SIGNED_OUT
    return GONE if parts is None else CHANGED_ROLE
