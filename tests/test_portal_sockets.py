"""Sockets of the live page: a snapshot at once, every change after it, an end with the right to see it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import transaction
from django.test import Client

from mwaportal import doorbell
from mwaportal.access import add_person
from mwaportal.asgi import application
from nodes.models import Pair
from tests.portal import PASSWORD, make_people, make_synchronizing_pair, propose
from tracking import live
from tracking.models import set_state

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = (b"origin", b"http://localhost")


@pytest.fixture
def people():
    return make_people()


@pytest.fixture
def pair() -> Pair:
    return make_synchronizing_pair()


@pytest.fixture(autouse=True)
def slow_tick(monkeypatch):
    """What arrives within a test was rung for, not found by the tick."""
    monkeypatch.setattr(live, "TICK_SECONDS", 60)


def signed_in(name: str) -> Client:
    client = Client()
    assert client.login(username=name, password=PASSWORD)
    return client


def socket(client: Client | None, path: str, *origin: tuple[bytes, bytes]) -> WebsocketCommunicator:
    headers = list(origin or [ORIGIN])
    if client:
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
    return WebsocketCommunicator(application, path, headers)


def live_test(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario as `serve` does: with a loop that the doorbell knows."""

    async def run() -> None:
        doorbell.register_loop(asyncio.get_running_loop())
        try:
            await asyncio.wait_for(scenario(), 20)
            assert not live.Room._rooms
        finally:
            both = threading.Barrier(2, timeout=20)  # nothing is read any more when the tables are emptied
            await asyncio.gather(live.in_thread(both.wait), live.in_thread(both.wait))
            doorbell.register_loop(None)
            live.Room._rooms.clear()  # one test that fails is enough

    async_to_sync(run)()


async def until(communicator: WebsocketCommunicator, text: str) -> str:
    """The first message with this text in it."""
    while text not in (message := await communicator.receive_from(5)):
        pass
    return message


async def code(communicator: WebsocketCommunicator) -> int:
    """The code with which the server closes, whatever it sends before."""
    while (message := await communicator.receive_output(5))["type"] != "websocket.close":
        pass
    return message["code"]


@pytest.mark.parametrize("path", ["/ws/", "/ws/pairs/shop/"])
def test_a_new_socket_gets_the_whole_page_at_once(people, pair, path):
    client = signed_in("vera")

    async def scenario():
        page = socket(client, path)
        assert (await page.connect())[0]
        first = await page.receive_from(5)
        assert 'hx-target="#announcement"' in first and "shop: Synchronizing, active" in first
        await page.disconnect()

    live_test(scenario)


def test_a_change_arrives_in_every_open_page_and_only_what_changed(people, pair):
    vera, olga = signed_in("vera"), signed_in("olga")

    async def scenario():
        pages = [socket(vera, "/ws/pairs/shop/"), socket(olga, "/ws/pairs/shop/"), socket(vera, "/ws/")]
        for page in pages:
            await page.connect()
            await page.receive_from(5)
        pool = await sync_to_async(pair.pools.get)()
        await sync_to_async(set_state)(pool, "TRACKING", "SUSPENDED", 266)
        await asyncio.to_thread(doorbell.notify, pair.pk)
        for page in pages:
            message = await until(page, "The secondary does not answer")
            assert 'hx-target="#copies"' not in message
            await page.disconnect()

    live_test(scenario)


def test_a_preview_appears_in_the_open_page_of_the_criteria(people, pair):
    client = signed_in("vera")

    async def scenario():
        page = socket(client, "/ws/pairs/shop/criteria/")
        await page.connect()
        assert "Nothing is pending" in await page.receive_from(5)
        pool = await sync_to_async(pair.pools.get)()
        change = await sync_to_async(propose)(pool, "EXCLUDE", "old")
        await asyncio.to_thread(doorbell.notify, pair.pk)
        assert "schema old of *SYSBAS" in await until(page, "The engine is looking at it")
        await sync_to_async(change.show)({"changes": [], "more": 0, "refusals": ["view v needs it"]})
        await asyncio.to_thread(doorbell.notify, pair.pk)
        assert 'hx-target="#rules"' not in await until(page, "view v needs it")
        await page.disconnect()

    live_test(scenario)


def test_a_hundred_changes_at_once_are_a_few_messages(people, pair):
    client = signed_in("vera")

    async def scenario():
        page = socket(client, "/ws/pairs/shop/")
        await page.connect()
        await page.receive_from(5)
        for _ in range(100):
            await asyncio.to_thread(doorbell.notify, pair.pk)
        await page.receive_from(10)
        messages = 1
        while not await page.receive_nothing(1.0):
            await page.receive_from()
            messages += 1
        assert messages <= 4
        await page.disconnect()

    live_test(scenario)


def test_administrators_are_offered_actions_and_stakeholders_are_not(people, pair):
    vera, olga = signed_in("vera"), signed_in("olga")

    async def scenario():
        for client, expected in ((vera, False), (olga, True)):
            page = socket(client, "/ws/pairs/shop/")
            await page.connect()
            assert ("formaction" in await page.receive_from(5)) is expected
            await page.disconnect()

    live_test(scenario)


@pytest.mark.parametrize(
    "path", ["/ws/", "/ws/pairs/shop/", "/ws/pairs/shop/criteria/", "/ws/pairs/shop/files/"]
)
@pytest.mark.parametrize("name", [None, "otto"])
def test_whoever_may_not_see_it_is_told_so_and_gets_nothing(people, pair, path, name):
    client = signed_in(name) if name else None

    async def scenario():
        page = socket(client, path)
        assert (await page.connect())[0]  # a refused handshake would have the browser try for ever
        assert await page.receive_output(5) == {"type": "websocket.close", "code": 4401}

    live_test(scenario)


def test_a_one_time_password_opens_no_socket(pair):
    client = Client()
    assert client.login(username="nora", password=add_person("nora", "Administrators", one_time=True))

    async def scenario():
        page = socket(client, "/ws/pairs/shop/")
        assert (await page.connect())[0]
        assert await page.receive_output(5) == {"type": "websocket.close", "code": 4401}

    live_test(scenario)


@pytest.mark.parametrize("origin", [(b"origin", b"https://evil.example"), (b"x-no", b"origin")])
def test_a_page_from_elsewhere_gets_no_socket(people, pair, origin):
    client = signed_in("olga")

    async def scenario():
        assert not (await socket(client, "/ws/", origin).connect())[0]

    live_test(scenario)


@pytest.mark.parametrize("path", ["/ws/pairs/nothing/", "/ws/pairs/nothing/files/", "/ws/elsewhere/"])
def test_a_pair_that_is_not_there_closes_its_socket(people, path):
    client = signed_in("vera")

    async def scenario():
        page = socket(client, path)
        assert (await page.connect())[0]
        assert await code(page) == 4404

    live_test(scenario)


def test_a_pair_that_goes_closes_its_sockets(people, pair):
    client = signed_in("vera")

    async def scenario():
        page = socket(client, "/ws/pairs/shop/")
        await page.connect()
        await page.receive_from(5)
        number = pair.pk
        await sync_to_async(pair.delete)()
        await asyncio.to_thread(doorbell.notify, number)
        assert await code(page) == 4404

    live_test(scenario)


def test_signing_out_ends_the_sockets_of_that_session_only(people, pair):
    here, there = signed_in("vera"), signed_in("vera")

    async def scenario():
        gone, stays = socket(here, "/ws/"), socket(there, "/ws/pairs/shop/")
        for page in (gone, stays):
            await page.connect()
            await page.receive_from(5)
        await sync_to_async(here.post)("/logout/")
        assert await code(gone) == 4401
        await stays.receive_from(5)  # it was looked at, and goes on
        assert await stays.receive_nothing(0.5)
        await stays.disconnect()

    live_test(scenario)


@pytest.mark.parametrize("how", ["deactivated", "thrown out of the group", "given a new password"])
def test_a_right_that_ends_ends_the_socket_with_the_next_change(people, pair, how):
    client = signed_in("vera")
    vera = people["vera"]

    def act():
        if how == "deactivated":
            vera.is_active = False
        elif how == "given a new password":
            vera.set_password("another")
        else:
            vera.groups.clear()
        vera.save()
        doorbell.notify(pair.pk)

    async def scenario():
        page = socket(client, "/ws/pairs/shop/")
        await page.connect()
        await page.receive_from(5)
        await live.in_thread(act)
        assert await code(page) == 4401

    live_test(scenario)


def test_a_new_role_has_the_page_come_again(people, pair):
    client = signed_in("vera")

    async def scenario():
        page = socket(client, "/ws/pairs/shop/")
        await page.connect()
        await page.receive_from(5)
        await sync_to_async(people["vera"].groups.add)(await sync_to_async(people["artur"].groups.get)())
        await asyncio.to_thread(doorbell.notify, pair.pk)
        assert await code(page) == 1012

    live_test(scenario)


def test_what_a_browser_sends_is_ignored(people, pair):
    client = signed_in("olga")

    async def scenario():
        page = socket(client, "/ws/pairs/shop/")
        await page.connect()
        await page.receive_from(5)
        await page.send_to('{"type": "pair.changed", "HEADERS": {}}')
        await page.send_to(bytes_data=b"\x00\xff")
        assert await page.receive_nothing(0.6)
        await page.disconnect()

    live_test(scenario)


def test_a_page_that_cannot_be_rendered_is_tried_again(people, pair, monkeypatch, caplog):
    client = signed_in("vera")
    working = live.pages.look
    monkeypatch.setattr(live.pages, "look", lambda *args: 1 / 0)

    async def scenario():
        page = socket(client, "/ws/pairs/shop/")
        await page.connect()
        assert await page.receive_nothing(0.5)
        monkeypatch.setattr(live.pages, "look", working)
        await asyncio.to_thread(doorbell.notify, pair.pk)
        assert "shop: Synchronizing" in await page.receive_from(5)
        await page.disconnect()

    live_test(scenario)
    assert "could not be rendered" in caplog.text


def test_without_a_loop_the_doorbell_is_silent(pair):
    doorbell.ring(pair.pk)
    doorbell.notify(pair.pk)


def test_the_doorbell_waits_for_the_commit(pair, monkeypatch):
    rung: list[str] = []
    monkeypatch.setattr(doorbell, "_deliver", lambda message: rung.append("rung"))
    with transaction.atomic():
        doorbell.ring(pair.pk)
        assert rung == []
    assert rung == ["rung"]
