"""Live pages: one rendering for all sockets that show the same page to the same kind of viewer.

A room sleeps until something has changed (or its tick is over), renders the page's own partials in a
thread, and sends what has become different. Who may see it is read again every time. What the rooms of a
pair share is read once for a ring of the doorbell.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from channels.layers import get_channel_layer
from django.db import InterfaceError, OperationalError, connection

from mwaportal.access import Viewer

from . import pages
from .memo import Memo
from .pages import Parts
from .seen import Visitor, still_there

logger = logging.getLogger(__name__)
TICK_SECONDS = 5.0  # a lost doorbell, and times that pass, are shown after this long
SHORTEST_SECONDS = 0.25
_IDLE_SHARE = 5  # a room that renders slowly renders less often: a sixth of a core at most
_GROUP_SECONDS = 3600.0  # a membership of a group of the channel layer ends after a day
SIGNED_OUT, GONE, CHANGED_ROLE = 4401, 4404, 1012  # 1012 has the browser come again

_threads = ThreadPoolExecutor(2, thread_name_prefix="live page")
_memo = Memo()


class Socket(Protocol):
    """What a room needs of a socket."""

    visitor: Visitor

    async def send(self, text_data: str) -> None: ...
    async def close(self, code: int) -> None: ...


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Run database work off the event loop, and off the one thread that Channels shares among all.

    The threads keep their sessions. One that the server has ended meanwhile is made anew, once.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads, _with_connection, function, args)


def _with_connection(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    try:
        try:
            return function(*args)
        except (OperationalError, InterfaceError):
            connection.close()
            return function(*args)
    except BaseException:
        connection.close()
        raise


@dataclass(frozen=True)
class Shown:
    """What a room shows, and to whom: a page of a pair with its parameters, or the list of pairs."""

    page: str
    pair_id: int | None
    viewer: Viewer
    query: tuple[tuple[str, str], ...] = ()

    @property
    def group(self) -> str:
        """Where the doorbell rings for it."""
        return "pairs" if self.pair_id is None else f"pair-{self.pair_id}"

    def render(self, since: float) -> Parts | None:
        """Its parts, of nothing that was read before `since`; None where the pair is gone."""
        if self.pair_id is None:
            return _memo.get("pairs", since, pages.render_home)
        view = _memo.get((self.pair_id, self.viewer), since, lambda: pages.look(self.pair_id, self.viewer))
        return view and pages.render(pages.PAGES[self.page], view.of(dict(self.query)))


class Room:
    """All sockets that show one page to one kind of viewer; exists as long as it has sockets."""

    _rooms: dict[Shown, "Room"] = {}

    def __init__(self, what: Shown) -> None:
        self.what = what
        self._sockets: dict[Socket, bool] = {}  # and whether it has had its first snapshot
        self._dirty = asyncio.Event()
        self._touched = time.monotonic()
        self._shown: Parts = {}

    @classmethod
    def enter(cls, socket: Socket, what: Shown) -> "Room":
        """Let a socket in; its first snapshot is on the way."""
        if (room := cls._rooms.get(what)) is None:
            room = cls._rooms[what] = cls(what)
            room._task = asyncio.create_task(room._run())
        room._sockets[socket] = False
        room._dirty.set()
        return room

    def leave(self, socket: Socket) -> None:
        """Forget a socket; the last one closes the room."""
        self._sockets.pop(socket, None)
        if not self._sockets and self._rooms.get(self.what) is self:
            del self._rooms[self.what]
            _memo.forget((self.what.pair_id, self.what.viewer))
            self._task.cancel()

    def touch(self) -> None:
        """Something has changed: nothing that was read before counts any more."""
        self._touched = time.monotonic()
        self._dirty.set()

    async def _run(self) -> None:
        """One ear on the channel layer for all sockets, and one rendering after the other."""
        layer = get_channel_layer()
        channel = await layer.new_channel()
        listening = asyncio.create_task(self._listen(layer, channel))
        joined = float("-inf")
        try:
            while True:
                if time.monotonic() - joined > _GROUP_SECONDS:
                    joined = time.monotonic()
                    await layer.group_add(self.what.group, channel)
                await self._turn()
        finally:
            listening.cancel()
            await layer.group_discard(self.what.group, channel)

    async def _listen(self, layer: Any, channel: str) -> None:
        while True:
            try:
                await layer.receive(channel)
                self.touch()
            except Exception:
                logger.exception("the doorbell of a live page is not heard; it looks by itself meanwhile")
                await asyncio.sleep(TICK_SECONDS)

    async def _turn(self) -> None:
        self._dirty.clear()
        began = time.monotonic()
        try:
            await self._update()
        except Exception:
            logger.exception("a live page could not be rendered; it shows that it is not live")
        await asyncio.sleep(max(SHORTEST_SECONDS, _IDLE_SHARE * (time.monotonic() - began)))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._dirty.wait(), TICK_SECONDS)

    async def _update(self) -> None:
        sockets = list(self._sockets)
        everybody = [socket.visitor for room in self._rooms.values() for socket in room._sockets]
        there, parts = await in_thread(self._look, everybody, self._touched)
        changed = {name: html for name, html in (parts or {}).items() if self._shown.get(name) != html}
        self._shown = parts or {}
        whole, difference = pages.message(parts or {}), pages.message(changed)
        for socket in sockets:
            if socket not in self._sockets:
                continue
            viewer = there.get(socket.visitor)
            if viewer != self.what.viewer or parts is None:
                await socket.close(_close_code(viewer, parts))
                self.leave(socket)  # ends this very task with the last one
            else:
                first, self._sockets[socket] = not self._sockets[socket], True
                await socket.send(whole if first else difference)

    def _look(self, everybody: list[Visitor], since: float) -> tuple[dict[Visitor, Viewer], Parts | None]:
        there = _memo.get("visitors", since, lambda: still_there(everybody))
        missing = set(everybody) - there.keys()
        if missing:  # some of them have come since that was read
            there = {**there, **still_there(missing)}
        return there, self.what.render(since)


def _close_code(viewer: Viewer | None, parts: Parts | None) -> int:
    if viewer is None:
        return SIGNED_OUT
    return GONE if parts is None else CHANGED_ROLE
