"""`portal-change`: from an administrator's click to another one's open page, with 500 sockets open.

The portal is the real one (`manage.py serve`, without an engine), the page is in a real Chromium, and the
sockets are spread evenly over all pages of the pair and the list of pairs. What is measured begins before
the request is sent and ends when the element has changed in the page.
"""

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .bed import line

SOCKETS, CHANGES, WARM_UP = 500, 60, 5
_PASSWORD = "a password for the bench"
_TOP = Path(__file__).resolve().parents[2]
# When the element's text was last changed, in the clock that this process reads as well.
_WATCH = """() => {
    const head = document.getElementById("head");
    new MutationObserver(() => { window.changedAt = Date.now(); window.seen = head.innerText; })
        .observe(head, {subtree: true, childList: true, characterData: true, attributes: true});
}"""
_SHOWS = "wanted => window.seen !== undefined && window.seen.includes('to be carried by hand') === wanted"


def run() -> Iterator[dict[str, Any]]:
    """The 95th percentile; the median and the longest go beside it."""
    home = Path(tempfile.mkdtemp(prefix="mwa-bench-"))
    home.chmod(0o755)
    os.environ["MWA_HOME"], os.environ["DJANGO_SETTINGS_MODULE"] = str(home), "mwaportal.settings"
    try:
        with _portal(home) as url, _sockets(url):
            took = sorted(_measure(url))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    said = f"median {statistics.median(took):.0f} ms, longest {took[-1]:.0f} ms, {SOCKETS} sockets\n"
    sys.stderr.write(said)
    yield line("portal-change", took[int(len(took) * 0.95)], "ms", "needed", 300)


@contextmanager
def _portal(home: Path) -> Iterator[str]:
    """A portal with one pair, a definition that has failed, and two people."""
    from .planted import free_port

    port = free_port()
    command = [sys.executable, "manage.py", "serve", "--no-worker", "--port", str(port)]
    with (home / "portal.log").open("wb") as log:
        portal = subprocess.Popen(command, cwd=_TOP, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _until_answered(url)
        _seed()
        yield url
    finally:
        portal.terminate()
        portal.wait(30)
        from mwaportal import portaldb

        portaldb.embedded(home).remove()


def _until_answered(url: str) -> None:
    import urllib.request
    from urllib.error import URLError

    from nodes.postgres.connect import wait_until

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/login/", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    wait_until(answers, f"an answer from {url}", seconds=60, every=0.2)


def _seed() -> None:
    import django

    django.setup()
    from django.contrib.auth.models import Group, User
    from django.db import connection

    from nodes.models import Node, Pair, StoragePool
    from tracking.models import DefinitionEntry, set_phase, set_state

    for name, group in (("olga", "Administrators"), ("vera", "Stakeholders")):
        User.objects.create_user(name, password=_PASSWORD).groups.add(Group.objects.get(name=group))
    nodes = [Node.objects.create(name=name, conninfo=f"host={name}", version=18) for name in ("old", "new")]
    pair = Pair.objects.create(name="bench", source=nodes[0], copy=nodes[1], goal="SYNC")
    pool = StoragePool.objects.create(pair=pair, database="bench", step="MIRRORED")
    set_phase(pair, "SYNC", "A")
    set_state(pool, "ACTIVE", "REPLICATING")
    DefinitionEntry.objects.create(
        pool=pool, number=1, command="CREATE VIEW", object_type="view", identity="public.v", state="FAILED"
    )
    connection.close()


@contextmanager
def _sockets(url: str) -> Iterator[None]:
    """500 sockets of stakeholders, all of which have had their first snapshot."""
    cookie = _session_of("vera")
    ready, loop = threading.Event(), asyncio.new_event_loop()
    thread = threading.Thread(target=_hold_open, args=(loop, url, cookie, ready), daemon=True)
    thread.start()
    began = time.monotonic()
    if not ready.wait(120):
        raise TimeoutError(f"not all of {SOCKETS} sockets were opened within 120 s")
    sys.stderr.write(f"{SOCKETS} sockets were opened in {time.monotonic() - began:.1f} s\n")
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def _session_of(name: str) -> str:
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User

    user = User.objects.get(username=name)
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def _hold_open(loop: asyncio.AbstractEventLoop, url: str, cookie: str, ready: threading.Event) -> None:
    from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

    from tracking.pages import PAGES

    asyncio.set_event_loop(loop)
    left = SOCKETS
    host, port = url.removeprefix("http://").split(":")

    class Page(WebSocketClientProtocol):  # type: ignore[misc]
        fresh = True

        def onClose(self, clean: bool, code: int | None, reason: str) -> None:
            sys.stderr.write(f"a socket was closed: {code} {reason}\n")

        def onMessage(self, payload: bytes, is_binary: bool) -> None:
            nonlocal left
            if self.fresh:
                self.fresh, left = False, left - 1
                if not left:
                    ready.set()

    paths = ["/ws/", *(f"/ws/pairs/bench/{f'{key}/' if key else ''}" for key in PAGES)]

    async def open_all() -> None:
        for number in range(SOCKETS):
            address = f"ws://{host}:{port}{paths[number % len(paths)]}"
            factory = WebSocketClientFactory(address, origin=url, headers={"Cookie": cookie}, loop=loop)
            factory.protocol = Page
            factory.setProtocolOptions(openHandshakeTimeout=60)
            await loop.create_connection(factory, host, int(port))

    loop.create_task(open_all())
    loop.run_forever()


def _measure(url: str) -> Iterator[float]:
    """Milliseconds of each change but the first ones."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise FileNotFoundError("portal-change needs a Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        vera, olga = (_signed_in(browser, url, name) for name in ("vera", "olga"))
        token = olga.locator("#act [name=csrfmiddlewaretoken]").input_value()
        entry = f"{url}/pairs/bench/definitions/1/"
        vera.evaluate(_WATCH)
        for number in range(WARM_UP + CHANGES):
            act, wanted = ("restore", True) if number % 2 else ("omit", False)
            began = time.time() * 1000
            answer = olga.request.post(f"{entry}{act}/", form={"csrfmiddlewaretoken": token}, max_redirects=0)
            if answer.status != 302:
                raise RuntimeError(f"{act} was answered with {answer.status}, needed is 302")
            vera.wait_for_function(_SHOWS, arg=wanted, timeout=20_000)
            if number >= WARM_UP:
                yield vera.evaluate("window.changedAt") - began
            time.sleep(0.2 + 0.037 * (number % 13))
        browser.close()


def _signed_in(browser: Any, url: str, name: str) -> Any:
    page = browser.new_context().new_page()
    page.goto(f"{url}/pairs/bench/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector('#liveness[data-state="live"]')
    return page
