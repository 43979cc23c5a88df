"""What the tests of a role swap by the engine share: two people, an engine that dies, writers that follow."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import User

from nodes.models import SwapRequest
from nodes.postgres.connect import connect, wait_until
from nodes.postgres.fence import maintenance_conninfo
from tests.engine import accounts
from tests.test_swap import Clients
from tracking.engine import supervisor

ENDS = ("COMPLETE", "FAILED", "VOID")


def ready_to_swap(engine):
    """A pair that is ACTIVE, its engine stopped, with a short budget."""
    engine.database.source.execute(accounts(50))
    engine.set(swap_budget_ms=1500)
    engine.migrate()
    engine.until("every pool", engine.all_replicate)
    engine.stop()
    return engine


def approved(engine, *, approve: bool = True) -> SwapRequest:
    """A request by Olga, approved by Artur."""
    olga = User.objects.get_or_create(username="olga")[0]
    artur = User.objects.get_or_create(username="artur", is_superuser=True)[0]
    engine.until("a pair that can be swapped", lambda: not engine.pair.in_the_way_of_swap())
    request = SwapRequest.request(engine.pair, olga)
    if approve:
        request.approve(artur, request.digest)
        supervisor.wake(None)
    return request


def die_after(engine, step: str) -> SwapRequest:
    """The engine is killed right after a step of the swap of the first pool."""
    request = approved(engine)
    place = "tracking.engine.outcome" if step == "decide" else "tracking.mirror.swap.PoolSwap"
    engine.killed_after(f"{place}.{step}")
    request.refresh_from_db()
    return request


def cluster(engine):
    """A session on the source from which a closed database can be seen."""
    return connect(maintenance_conninfo(engine.database.source_conninfo, engine.database.name), "test")


def ended(engine, request: SwapRequest, seconds: float = 60) -> tuple[str, str]:
    """How it ended, and why."""

    def over() -> bool:
        request.refresh_from_db()
        return request.state in ENDS

    engine.until("the swap to end", over, seconds)
    return request.state, request.failure


class Followers(Clients):
    """Writers that follow the primary."""

    def more(self, count: int) -> None:
        """Wait until so many more rows are acknowledged."""
        wanted = len(self.at) + count
        wait_until(lambda: len(self.at) >= wanted, f"{count} more rows", seconds=20)


@contextmanager
def shop_clients(engine, count: int = 4) -> Iterator[Followers]:
    """Writers of the table `ledger`."""
    with Followers(engine, count) as clients:
        yield clients
