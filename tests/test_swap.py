import subprocess
import sys
import threading
import time
from dataclasses import replace

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from nodes.postgres import blocked, slot
from nodes.postgres.connect import connect, for_database, wait_until
from nodes.postgres.fence import Fence, FenceBroken, is_open, maintenance_conninfo, stays_closed
from tests.databases import drop_database
from tests.mirror import content
from tracking.mirror import subscription
from tracking.mirror.capture_client import CaptureProcess
from tracking.mirror.swap import PoolSwap, SwapRefused

LEDGER = """
    create table ledger (id bigint primary key, writer int);
    create table counter (id int primary key, n bigint);
    create sequence ticket cache 20
"""


# Fires for our own rows too, which nothing of an ordinary database does.
SPOIL = """
    create function spoil() returns trigger language plpgsql as $$
    begin new.writer := new.writer + 100; return new; end $$;
    create trigger spoil before insert on ledger for each row execute function spoil();
    alter table ledger enable always trigger spoil
"""


class Clients:
    """Writers that follow target_session_attrs and keep what was acknowledged."""

    def __init__(self, mirror, count: int = 4) -> None:
        parts = [
            conninfo_to_dict(c) for c in (mirror.database.source_conninfo, mirror.database.copy_conninfo)
        ]
        self._conninfo = make_conninfo(
            host=",".join(p["host"] for p in parts), port=",".join(str(p["port"]) for p in parts),
            dbname=mirror.database.name, user="shopper", target_session_attrs="read-write", connect_timeout=2,
        )  # fmt: skip
        self.acknowledged: set[int] = set()
        self.at: list[float] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(n,)) for n in range(count)]

    def _write(self, writer: int) -> None:
        number, session = 0, None
        while not self._stop.is_set():
            key = writer * 10_000_000 + number
            try:
                session = session or psycopg.connect(self._conninfo, autocommit=True)
                session.execute("insert into public.ledger values (%s, %s)", (key, writer))
            except psycopg.errors.UniqueViolation:
                pass  # the commit whose answer was lost
            except psycopg.Error:
                session = session and session.close()
                time.sleep(0.002)
                continue
            self.acknowledged.add(key)
            self.at.append(time.monotonic())
            number += 1

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def swappable(servers, mirror):
    """A pool that is ACTIVE, with a role for applications and a blocked secondary."""
    schema = LEDGER + "; grant all on all tables in schema public to shopper"
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as admin:
            if not admin.execute("select 1 from pg_roles where rolname = 'shopper'").fetchone():
                admin.execute("create role shopper login")
    mirror.begin(schema)
    mirror.hand_over()
    blocked.block(mirror.database.copy, mirror.database.name)
    return mirror


def swap(mirror, capture, reverse: str, budget: float = 5.0) -> PoolSwap:
    return PoolSwap(mirror.route, mirror.database.name, reverse, budget, capture)


def run(pool: PoolSwap) -> None:
    pool.prepare()
    pool.approach()
    pool.close_primary()
    pool.drain()
    pool.commit()
    pool.open_secondary()
    pool.finish()
    pool.close()


def turned(mirror):
    """The same mirror as seen after a swap."""
    mirror.route = replace(
        mirror.route,
        primary_conninfo=mirror.route.secondary_conninfo,
        secondary_conninfo=mirror.route.primary_conninfo,
        slot=mirror.route.slot + "_r" if not mirror.route.slot.endswith("_r") else mirror.route.slot[:-2],
    )
    return mirror


def suspend(mirror) -> None:
    with connect(mirror.route.secondary_conninfo, "test") as secondary:
        subscription.stop(secondary, mirror.route.slot)
    with connect(mirror.route.primary_conninfo, "test") as primary:
        slot.release(primary, mirror.route.slot)


def swap_under_load(mirror, clients) -> PoolSwap:
    suspend(mirror)
    with CaptureProcess(mirror.route.capture_config({}, 10**6)) as capture:
        capture.started()
        before = len(clients.at)
        wait_until(lambda: len(clients.at) > before + 200, "writers", seconds=20)
        reverse = mirror.route.slot + "_r" if not mirror.route.slot.endswith("_r") else mirror.route.slot[:-2]
        pool = swap(mirror, capture, reverse)
        run(pool)
    after = len(clients.at)
    wait_until(lambda: len(clients.at) > after + 200, "writers on the new primary", seconds=20)
    turned(mirror)
    return pool


def test_swap_and_swap_back_under_load_lose_nothing(swappable):
    with Clients(swappable) as clients:
        swap_under_load(swappable, clients)
        swappable.reconnect()
        assert blocked.is_blocked(swappable.database.source, swappable.database.name)
        assert not blocked.is_blocked(swappable.database.copy, swappable.database.name)
        swap_under_load(swappable, clients)
    swappable.reconnect()
    gaps = sorted(b - a for a, b in zip(clients.at, clients.at[1:], strict=False))
    assert gaps[-1] < 2.0
    source = {row[0] for row in swappable.database.source.execute("select id from ledger")}
    assert clients.acknowledged <= source
    wait_until(
        lambda: content(swappable.database.source) == content(swappable.database.copy),
        "the stream to arrive", seconds=20,
    )  # fmt: skip


def test_sequences_are_exact_after_the_swap(swappable):
    source = swappable.database.source
    drawn = [source.execute("select nextval('ticket')").fetchone()[0] for _ in range(3)]
    suspend(swappable)
    with CaptureProcess(swappable.route.capture_config({}, 1000)) as capture:
        run(swap(swappable, capture, swappable.route.slot + "_r"))
    state = "select last_value, is_called from ticket"
    with connect(swappable.database.source_conninfo, "x", search_path="public") as again:
        assert swappable.database.copy.execute(state).fetchone() == again.execute(state).fetchone()
    assert swappable.database.copy.execute("select nextval('ticket')").fetchone()[0] > max(drawn)


def test_a_difference_reopens_the_source_and_says_where(swappable):
    suspend(swappable)
    with Clients(swappable, 2) as clients:
        with CaptureProcess(swappable.route.capture_config({}, 1000)) as capture:
            pool = swap(swappable, capture, swappable.route.slot + "_r")
            pool.prepare()
            swappable.database.copy.execute(SPOIL)
            pool.close_primary()
            with pytest.raises(SwapRefused, match=r"differ in public.ledger"):
                pool.drain()
            pool.abort()
            pool.close()
        before = len(clients.at)
        wait_until(lambda: len(clients.at) > before + 50, "writers on the old primary", seconds=20)
    assert slot.find(swappable.database.copy, swappable.route.slot + "_r") is None
    swappable.reconnect()
    swappable.database.copy.execute("drop trigger spoil on ledger")
    swappable.hand_over()
    wait_until(
        lambda: content(swappable.database.source) == content(swappable.database.copy), "equal", seconds=20
    )


def test_a_swap_that_is_too_slow_opens_nothing(swappable):
    suspend(swappable)
    with CaptureProcess(swappable.route.capture_config({}, 1000)) as capture:
        pool = swap(swappable, capture, swappable.route.slot + "_r", budget=0.4)
        pool.prepare()
        pool.close_primary()
        pool.drain()
        with connect(maintenance_conninfo(swappable.database.source_conninfo, "x"), "test") as cluster:
            wait_until(
                lambda: is_open(cluster, swappable.database.name), "the guard to open the source", seconds=10
            )
        with pytest.raises(FenceBroken, match="longer than its"):
            pool.commit()
        pool.abort()
        pool.close()
    assert blocked.is_blocked(swappable.database.copy, swappable.database.name)


def test_a_disarm_after_the_guard_has_fired_is_refused(swappable):
    inside = connect(swappable.database.source_conninfo, "test")
    with Fence(
        swappable.database.source_conninfo, swappable.database.name, inside, set(), seconds=0.3
    ) as fence:
        fence.close()
        with connect(maintenance_conninfo(swappable.database.source_conninfo, "x"), "test") as cluster:
            wait_until(lambda: is_open(cluster, swappable.database.name), "the guard", seconds=10)
        with pytest.raises(FenceBroken, match="too late"):
            fence.disarm()
    inside.close()


KILLED = """
import os, sys
sys.path.insert(0, {top!r})
from nodes.postgres.connect import connect
from nodes.postgres.fence import Fence
conninfo, database = {conninfo!r}, {database!r}
fence = Fence(conninfo, database, connect(conninfo, "x"), set(), seconds=1.0)
fence.close()
os.kill(os.getpid(), 9)
"""


def test_a_source_fenced_by_a_process_that_was_killed_opens_by_itself(swappable, request):
    script = KILLED.format(
        top=str(request.config.rootpath), conninfo=swappable.database.source_conninfo,
        database=swappable.database.name,
    )  # fmt: skip
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -9
    with connect(maintenance_conninfo(swappable.database.source_conninfo, "x"), "test") as cluster:
        assert not is_open(cluster, swappable.database.name)
        wait_until(lambda: is_open(cluster, swappable.database.name), "the guard", seconds=10)
    connect(swappable.database.source_conninfo, "test").close()


def test_nobody_gets_through_the_fence(swappable):
    inside = connect(swappable.database.source_conninfo, "test")
    with Clients(swappable, 2) as clients:
        wait_until(lambda: len(clients.at) > 50, "writers", seconds=10)
        fence = Fence(swappable.database.source_conninfo, swappable.database.name, inside, set(), seconds=5)
        fence.close()
        count = inside.execute("select count(*) from public.ledger").fetchone()[0]
        with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
            psycopg.connect(swappable.database.source_conninfo)
        assert inside.execute("select count(*) from public.ledger").fetchone()[0] == count
        fence.reopen()
    inside.close()


def test_ending_a_fences_guard_spares_that_of_a_database_of_a_similar_name(servers, mirror):
    source = mirror.database.source_conninfo
    names = (mirror.database.name, "like_me", "likeXme")
    with connect(source, "test") as admin:
        for name in names[1:]:
            admin.execute(f'create database "{name}"')
    fences = [
        Fence(source, name, connect(for_database(source, name), "x"), set(), seconds=30) for name in names
    ]
    try:
        for fence in fences:
            fence.close()
        assert stays_closed(source, "like_me")
        with pytest.raises(FenceBroken):
            fences[1].disarm()  # its guard is gone already
        fences[2].disarm()
        fences[0].disarm()
    finally:
        for fence in fences:
            fence.reopen()
        for name in names[1:]:
            drop_database(servers.source, name)
