"""Two real servers for the whole run, and fresh databases on them for each test that asks."""

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mwaportal import portaldb
from nodes.postgres.connect import Connection, connect, for_database
from nodes.postgres.embedded import CONFIGURATION, EmbeddedServer
from tests.browser import chromium, served, sign_in  # noqa: F401
from tests.databases import NO_POWER_CUT, create_database, drop_database
from tests.engine import Engine
from tests.mirror import Mirror, make_portal

_serial = itertools.count(1)


@dataclass(frozen=True)
class TwoServers:
    """The source (PostgreSQL 16) and the copy (PostgreSQL 18)."""

    source: EmbeddedServer
    copy: EmbeddedServer


@pytest.fixture(scope="session")
def servers() -> Iterator[TwoServers]:
    """Both servers, started once."""
    top = Path(tempfile.mkdtemp(prefix="mwa-"))
    top.chmod(0o755)
    configuration = CONFIGURATION + NO_POWER_CUT
    two = TwoServers(
        EmbeddedServer(top / "source", 16, configuration), EmbeddedServer(top / "copy", 18, configuration)
    )
    try:
        two.source.start()
        two.copy.start()
        yield two
    finally:
        two.source.stop("immediate")
        two.copy.stop("immediate")
        shutil.rmtree(top, ignore_errors=True)


@dataclass(frozen=True)
class Database:
    """One database of the same name on both servers, with an administrator's session on each."""

    name: str
    source_conninfo: str
    copy_conninfo: str
    source: Connection
    copy: Connection


@pytest.fixture
def databases(servers: TwoServers) -> Iterator[Callable[[], Database]]:
    """Call it for a new, empty database on both servers; everything is dropped afterwards."""
    made: list[Database] = []

    def make() -> Database:
        name = f"shop{next(_serial)}"
        conninfos = []
        for server in (servers.source, servers.copy):
            create_database(server, name)
            conninfos.append(for_database(server.conninfo(), name))
        database = Database(name, *conninfos, *(connect(c, "test", search_path="public") for c in conninfos))
        made.append(database)
        return database

    yield make
    for database in made:
        database.source.close()
        database.copy.close()
        for server in (servers.copy, servers.source):
            server.start()
            drop_database(server, database.name)


@pytest.fixture
def database(databases: Callable[[], Database]) -> Database:
    """One new, empty database on both servers."""
    return databases()


@pytest.fixture
def mirror(servers: TwoServers, database: Database) -> Iterator[Mirror]:
    """A route between the two databases, not begun yet."""
    name = f"list_{database.name}"
    made = Mirror(database, make_portal(servers, name))
    yield made
    made.portal.close()
    drop_database(servers.copy, name)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> Iterator[None]:
    """The server on which pytest-django makes its test database, when a test asks for one."""
    portaldb.ensure_running()
    yield
    portaldb.release()


@pytest.fixture
def engine(servers: TwoServers, database: Database, transactional_db: None) -> Iterator[Engine]:
    """A pair between the two databases, not started; in the end it is removed from both nodes."""
    made = Engine(servers, database)
    yield made
    made.stop()


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Which pairs the engine was woken for."""
    found: list[int] = []
    monkeypatch.setattr("mwaportal.doorbell.ring", found.append)
    return found
