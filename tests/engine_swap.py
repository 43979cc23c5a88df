"""What the tests of a role swap by the engine share: two people, and writers that follow the primary."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import User

from nodes.models import SwapRequest
from nodes.postgres.connect import wait_until
from tests.test_swap import Clients
from tracking.engine import supervisor

ENDS = ("COMPLETE", "FAILED", "VOID")


def approved(engine, *, approve: bool = True) -> SwapRequest:
    """A request by Olga, approved by Artur."""
    olga = User.objects.get_or_create(username="olga")[0]
    artur = User.objects.get_or_create(username="artur", is_superuser=True)[0]
    request = SwapRequest.request(engine.pair, olga)
    if approve:
        request.approve(artur, request.digest)
        supervisor.wake(None)
    return request


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
