"""What the tests of the engine share: a pair between two databases, and an engine that runs in the test."""

import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
from django.db import connection

from nodes.models import Node, Pair, StoragePool
from nodes.postgres.connect import connect, wait_until
from tests.mirror import content
from tracking.engine import supervisor

_APPLICATION = "-c search_path=public -c client_min_messages=warning"
_DYING = """
import os, pkgutil, sys, time
sys.path.insert(0, {top!r})
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = {database!r}
django.setup()
from tracking.engine import supervisor
owner, _, name = {place!r}.rpartition(".")
through = pkgutil.resolve_name({place!r})
def die(*given):
    through(*given)
    if {last!r} in (None, given[-1]):
        os.kill(os.getpid(), 9)
setattr(pkgutil.resolve_name(owner), name, die)
supervisor.start()
time.sleep(60)
"""


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
        """Its first pool."""
        return self.pair.pools.get(number=1)

    def pool_of(self, database) -> StoragePool:
        """The pool of a further database."""
        return self.pair.pools.get(database=database.name)

    def add(self, database) -> None:
        """A further database of the pair, before it is started."""
        number = self.pair.pools.count() + 1
        StoragePool.objects.create(pair=self.pair, number=number, database=database.name)

    def all_replicate(self) -> bool:
        """Whether every pool does."""
        return self.pair.phase == "SYNC" and all(pool.replicating for pool in self.pair.pools.all())

    def set(self, **values) -> None:
        """Change properties of the pair."""
        Pair.objects.filter(name="moving").update(**values)

    def start(self) -> None:
        """The engine, as a portal would start it."""
        supervisor.start()

    def stop(self) -> None:
        """End it as a portal would that is stopped."""
        supervisor.stop(20)

    def killed_after(self, place: str, last: str | None = None) -> None:
        """An engine in a process of its own, killed right after a function, or after the call with `last`."""
        top, database = str(Path(__file__).parents[1]), connection.settings_dict["NAME"]
        script = _DYING.format(top=top, database=database, place=place, last=last)
        died = subprocess.run([sys.executable, "-c", script], check=False, timeout=60, capture_output=True)
        assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-2000:]
        Pair.objects.update(lease_until=None)  # it would end by itself after seconds

    def set_up_to(self, step: str) -> None:
        """A system migration whose engine was killed right after this step."""
        self.pair.ask("SYNC")
        self.killed_after("tracking.engine.setup._advance", step)
        assert self.pool.step == step

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

    @contextmanager
    def waiting_hand_over(self) -> Iterator[None]:
        """From a pause to a hand-over that waits, for a transaction of an application, until this ends."""
        with connect(self.database.source_conninfo, "app", autocommit=False) as application:
            application.execute("update public.account set n = 1 where id = 1")
            self.ask("SYNC")
            self.until("the wait", self.pair.messages.filter(code="767").exists)
            yield
            application.commit()

    def application(self, statements: str, database=None) -> None:
        """What an application does on the source; our event triggers pass over sessions of our own."""
        conninfo = (database or self.database).source_conninfo
        with psycopg.connect(conninfo, autocommit=True, options=_APPLICATION) as session:
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


def accounts(count: int) -> str:
    """A table of so many rows."""
    return (
        "create table account (id int primary key, n int not null default 0);"
        f" insert into account select i, 0 from generate_series(1, {count}) i"
    )


def stacks() -> str:
    """Where each thread of this process is: for a wait of the engine that nobody can explain afterwards."""
    return "\n".join("".join(traceback.format_stack(frame)) for frame in sys._current_frames().values())
