"""What the tests of the engine share: a pair between two databases, and an engine that runs in the test."""

import sys
import traceback
from dataclasses import replace

import psycopg

from nodes.models import Node, Pair, StoragePool
from nodes.postgres.connect import connect, wait_until
from tests.mirror import content
from tracking.engine import supervisor

_APPLICATION = "-c search_path=public -c client_min_messages=warning"


class Engine:
    """A pair over a test's databases; the engine's threads run in this process."""

    def __init__(self, servers, database) -> None:
        self.database = database
        source = Node.objects.create(name="old", conninfo=servers.source.conninfo())
        copy = Node.objects.create(name="new", conninfo=servers.copy.conninfo())
        made = Pair.objects.create(
            name="moving", source=source, copy=copy, suspend_wait_seconds=2, savactwait_seconds=5
        )
        StoragePool.objects.create(pair=made, database=database.name)

    @property
    def pair(self) -> Pair:
        """The pair as it is now."""
        return Pair.objects.get(name="moving")

    @property
    def pool(self) -> StoragePool:
        """Its only pool."""
        return self.pair.pools.get()

    def set(self, **values) -> None:
        """Change properties of the pair."""
        Pair.objects.filter(name="moving").update(**values)

    def start(self) -> None:
        """The engine, as a portal would start it."""
        supervisor.start()

    def stop(self) -> None:
        """End it as a portal would that is stopped."""
        supervisor.stop(20)

    def ask(self, goal: str) -> None:
        """What an administrator presses."""
        self.pair.ask(goal)
        supervisor.wake(None)

    def until(self, what: str, condition, seconds: float = 60) -> None:
        """Wait; a failure shows what the engine said."""
        try:
            wait_until(condition, what, seconds=seconds, every=0.05)
        except Exception as error:
            said = [str(message) for message in self.pair.messages.all()[:8]]
            raise AssertionError(
                f"{error}; {self.pool.state} {self.pool.detail} lag {self.pool.lag_bytes},"
                f" measured at {self.pool.measured_at} {said}\n{stacks()}"
            ) from error

    def until_state(self, state: str, detail: str, reason: int = 0, seconds: float = 60) -> None:
        """Wait for the pool's replication state."""

        def there() -> bool:
            pool = self.pool
            return (pool.state, pool.detail, pool.reason) == (state, detail, reason)

        self.until(f"{state} {detail} {reason}", there, seconds)

    def migrate(self) -> None:
        """From nothing to REPLICATING."""
        self.start()
        self.ask("SYNC")
        self.until("SYNC", lambda: self.pair.phase == "SYNC")
        self.until_state("ACTIVE", "REPLICATING")

    def application(self, statements: str) -> None:
        """What an application does on the source; our event triggers pass over sessions of our own."""
        with psycopg.connect(self.database.source_conninfo, autocommit=True, options=_APPLICATION) as session:
            session.execute(statements)

    def reconnect(self) -> None:
        """The administrator's sessions anew, after a server was restarted or a fence has ended them."""
        for session in (self.database.source, self.database.copy):
            session.close()
        self.database = replace(
            self.database,
            source=connect(self.database.source_conninfo, "test", search_path="public"),
            copy=connect(self.database.copy_conninfo, "test", search_path="public"),
        )

    def until_equal(self, seconds: float = 30) -> None:
        """Wait until both nodes have the same rows."""
        self.until(
            "both nodes to be equal",
            lambda: content(self.database.source) == content(self.database.copy),
            seconds,
        )


def stacks() -> str:
    """Where each thread of this process is: for a wait of the engine that nobody can explain afterwards."""
    return "\n".join("".join(traceback.format_stack(frame)) for frame in sys._current_frames().values())
