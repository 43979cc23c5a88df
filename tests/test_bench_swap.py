import pytest

from mwaportal.bench.synchronous_swap import SynchronousSwap
from nodes.postgres import blocked
from nodes.postgres.connect import connect, one, wait_until
from nodes.postgres.fence import FenceBroken
from tests.mirror import content
from tests.test_swap import LEDGER, Clients, run, turned


@pytest.fixture
def active(servers, mirror):
    """A pool that is ACTIVE; afterwards no commit of either server waits for the other, whatever happened."""
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as admin:
            if not one(admin, "select 1 from pg_roles where rolname = 'shopper'"):
                admin.execute("create role shopper login")
    mirror.begin(LEDGER + "; grant all on all tables in schema public to shopper")
    mirror.hand_over()
    blocked.block(mirror.database.copy, mirror.database.name)
    yield mirror
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as admin:
            admin.execute("alter system reset synchronous_standby_names")
            admin.execute("select pg_reload_conf()")


def swap_of(mirror) -> SynchronousSwap:
    slot = mirror.route.slot
    reverse = slot[:-2] if slot.endswith("_r") else slot + "_r"
    return SynchronousSwap(mirror.route, mirror.database.name, reverse, 5.0)


def test_the_swap_by_synchronous_commits_loses_nothing_under_load(active):
    with Clients(active) as clients:
        for _ in range(2):
            before = len(clients.at)
            wait_until(lambda at=before: len(clients.at) > at + 200, "writers on the primary", seconds=20)
            run(swap_of(active))
            turned(active)
        after = len(clients.at)
        wait_until(lambda: len(clients.at) > after + 200, "writers on the first primary", seconds=20)
    active.reconnect()
    for session in (active.database.source, active.database.copy):
        assert one(session, "show synchronous_standby_names") == ""
    assert clients.acknowledged <= {row[0] for row in active.database.source.execute("select id from ledger")}
    wait_until(
        lambda: content(active.database.source) == content(active.database.copy), "the stream", seconds=20
    )


def test_a_row_behind_the_fence_is_seen_in_the_stream(active):
    pool = swap_of(active)
    pool.prepare()
    pool.approach()
    pool.close_primary()
    pool._primary.execute("insert into public.ledger values (1, 1)")  # the one session that is still there
    with pytest.raises(FenceBroken, match="a row was written at"):
        pool.drain()
    pool.close()
