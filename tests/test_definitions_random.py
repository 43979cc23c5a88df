import os
from contextlib import contextmanager, suppress
from random import Random

import psycopg
import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st

from nodes.postgres.connect import connect
from tests.engine import Engine
from tests.random_sql import statement
from tests.random_world import ROLES, SCHEMAS, World
from tests.settled import in_step

STEPS = int(os.environ.get("MWA_RANDOM_STEPS", "90"))
MORE = int(os.environ.get("MWA_RANDOM_EXAMPLES", "0"))  # beyond the fixed ones
BEGIN = """
    create table first (id int primary key, n int not null default 0, c text);
    insert into first select i, i % 7, 'v' || i from generate_series(1, 100) i;
    create table parts (id int primary key, n int) partition by range (id);
    create table parts_0 partition of parts for values from (0) to (1000);
    create type mood as enum ('sad', 'glad');
    create domain small as int check (value < 100000);
    create function plus(i int) returns int language sql immutable as 'select i + 1'
"""
_OPTIONS = "-c search_path=public -c client_min_messages=warning -c statement_timeout=30s"


@pytest.fixture
def roles(servers):
    """Owners and grantees, on both servers; gone when the databases are."""
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as admin:
            for role in ROLES:
                admin.execute(f"create role {role}")
    yield
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as admin:
            for role in ROLES:
                admin.execute(f"drop role {role}")


@pytest.fixture
def pairs(roles, servers, databases, transactional_db):
    """Call it for a pair that is ACTIVE, over new databases."""

    @contextmanager
    def make():
        engine = Engine(servers, databases())
        try:
            engine.database.source.execute(BEGIN)
            for schema in SCHEMAS[1:]:
                engine.database.source.execute(f"create schema {schema}")
            engine.migrate()
            yield engine
        finally:
            engine.stop()
            call_command("flush", verbosity=0, interactive=False)

    return make


class Application:
    """One session that executes and writes down what it does; what the server refuses is passed over."""

    def __init__(self, engine) -> None:
        self.session = psycopg.connect(engine.database.source_conninfo, autocommit=True, options=_OPTIONS)
        self.session.execute("set application_name = 'shop'")
        self.done: list[str] = []

    def run(self, text: str) -> bool:
        """Whether it could be done."""
        try:
            self.session.execute(text)
        except psycopg.Error:
            return False
        self.done.append(text)
        return True


def step(application: Application, world: World, random: Random) -> None:
    """One transaction, or what cannot be one."""
    pick = random.random()
    if pick < 0.62:
        application.run(statement(world))
    elif pick < 0.66:
        text = statement(world)
        if text.startswith(("create index", "create unique index")):
            text = text.replace("index", "index concurrently", 1)
        application.run(text.replace("drop index", "drop index concurrently", 1))
    elif pick < 0.72:
        body = f"begin {statement(world)}; exception when others then null; end; {statement(world)}"
        application.run(f"do $do$ begin {body}; end $do$")
    else:
        transaction(application, world, random)


def transaction(application: Application, world: World, random: Random) -> None:
    """Several statements, each in a savepoint, some of which are rolled back."""
    application.run("begin")
    for _ in range(random.randrange(2, 6)):
        application.run("savepoint s")
        if not application.run(statement(world)) or random.random() < 0.15:
            application.run("rollback to s")
        else:
            application.run("release s")
    if not application.run("rollback" if random.random() < 0.15 else "commit"):
        application.session.rollback()


@settings(
    derandomize=not MORE,
    phases=[Phase.explicit, Phase.generate] if MORE else [Phase.explicit],
    max_examples=max(MORE, 1), deadline=None, database=None, print_blob=False,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(seed=st.integers(0, 2**32))
@example(seed=1)
@example(seed=2)
def test_whatever_an_application_does_arrives(pairs, seed):
    random = Random(seed)
    with pairs() as engine:
        application = Application(engine)
        try:
            world = World(application.session, random)
            for number in range(STEPS):
                step(application, world, random)
                if number % 30 == 10:
                    engine.ask("PAUSED")
                    engine.until("the pause", lambda: engine.pair.phase == "PAUSED")
                if number % 30 == 20:
                    engine.ask("SYNC")
            engine.ask("SYNC")
            in_step(engine)
        except BaseException:
            note(";\n".join(application.done))
            raise
        finally:
            with suppress(psycopg.Error):
                application.session.close()
