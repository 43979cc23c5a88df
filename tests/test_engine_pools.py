import psycopg
import pytest
from django.contrib.auth.models import User

from nodes.models import StoragePool, SwapRequest
from nodes.postgres import blocked
from nodes.postgres.connect import connect
from tests.mirror import content

TABLE = """
    create table account (id int primary key, n int);
    insert into account select i, 0 from generate_series(1, 50) i
"""


@pytest.fixture
def two_pools(engine, databases):
    """The engine's pair with a second database."""
    second = databases()
    StoragePool.objects.create(pair=engine.pair, number=2, database=second.name)
    for database in (engine.database, second):
        database.source.execute(TABLE)
    yield engine, second
    engine.stop()


def replicating(engine) -> bool:
    return all((p.state, p.detail) == ("ACTIVE", "REPLICATING") for p in engine.pair.pools.all())


def equal(database) -> bool:
    return content(database.source) == content(database.copy)


def test_a_pair_moves_and_swaps_all_its_databases_together(two_pools):
    engine, second = two_pools
    engine.start()
    engine.ask("SYNC")
    engine.until("both pools", lambda: engine.pair.phase == "SYNC" and replicating(engine))
    assert [pool.asp_name for pool in engine.pair.pools.all()] == ["*SYSBAS", second.name]
    for database in (engine.database, second):
        database.source.execute("update account set n = n + 1")
        engine.until("the rows", lambda database=database: equal(database))
    olga, artur = User.objects.create_user("olga"), User.objects.create_superuser("artur")
    request = SwapRequest.request(engine.pair, olga)
    request.approve(artur, request.digest)
    engine.until("the swap", lambda: SwapRequest.objects.get().state in ("COMPLETE", "FAILED"))
    assert SwapRequest.objects.get().failure == ""
    for database in (engine.database, second):
        assert blocked.is_blocked(database.copy, database.name) is False
        database.copy.execute("insert into account values (100, 1)")


def test_a_pool_that_cannot_be_fenced_leaves_all_of_them_where_they_were(two_pools):
    engine, second = two_pools
    engine.start()
    engine.ask("SYNC")
    engine.until("both pools", lambda: engine.pair.phase == "SYNC" and replicating(engine))
    second.copy.execute("set default_transaction_read_only = off; delete from account where id = 7")
    olga, artur = User.objects.create_user("olga"), User.objects.create_superuser("artur")
    request = SwapRequest.request(engine.pair, olga)
    request.approve(artur, request.digest)
    engine.until("the refusal", lambda: SwapRequest.objects.get().state == "FAILED")
    assert "public.account" in SwapRequest.objects.get().failure
    assert engine.pair.swapped is False
    engine.until("both pools", lambda: replicating(engine))
    for database in (engine.database, second):
        with (
            psycopg.connect(database.copy_conninfo) as app,
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        ):
            app.execute("insert into public.account values (200, 1)")
        with connect(database.source_conninfo, "x") as session:
            session.execute("insert into public.account values (200, 1)")
