import psycopg
import pytest
from django.contrib.auth.models import User

from nodes.models import SwapRequest
from nodes.postgres import blocked
from nodes.postgres.connect import connect
from tests.mirror import content
from tracking.models import JournalEntry

TABLE = """
    create table account (id int primary key, n int);
    insert into account select i, 0 from generate_series(1, 50) i
"""


@pytest.fixture
def two_pools(engine, databases):
    """The engine's pair with a second database."""
    second = databases()
    engine.add(second)
    for database in (engine.database, second):
        database.source.execute(TABLE)
    yield engine, second
    engine.stop()


def equal(database) -> bool:
    return content(database.source) == content(database.copy)


def test_a_pair_moves_and_swaps_all_its_databases_together(two_pools):
    engine, second = two_pools
    engine.start()
    engine.ask("SYNC")
    engine.until("both pools", engine.all_replicate)
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
    engine.until("both pools", engine.all_replicate)
    second.copy.execute("set default_transaction_read_only = off; delete from account where id = 7")
    olga, artur = User.objects.create_user("olga"), User.objects.create_superuser("artur")
    request = SwapRequest.request(engine.pair, olga)
    request.approve(artur, request.digest)
    engine.until("the refusal", lambda: SwapRequest.objects.get().state == "FAILED")
    assert "public.account" in SwapRequest.objects.get().failure
    assert engine.pair.swapped is False
    engine.until("both pools", engine.all_replicate)
    for database in (engine.database, second):
        with (
            psycopg.connect(database.copy_conninfo) as app,
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        ):
            app.execute("insert into public.account values (200, 1)")
        with connect(database.source_conninfo, "x") as session:
            session.execute("insert into public.account values (200, 1)")


def test_a_table_that_stays_locked_in_one_database_does_not_hold_up_the_other(two_pools):
    engine, second = two_pools
    engine.set(savactwait_seconds=60)
    with connect(engine.database.source_conninfo, "app", autocommit=False) as holder:
        holder.execute("lock table public.account in share row exclusive mode")
        engine.start()
        engine.ask("SYNC")
        engine.until("the first to wait", engine.pair.messages.filter(text__startswith="Waiting").exists)
        engine.until("the second", lambda: engine.pool_of(second).replicating)
        assert engine.pool.step != "MIRRORED" and engine.pair.phase != "SYNC"
        engine.application("update account set n = n + 1", second)
        engine.until("the rows", lambda: equal(second))
    engine.until("both pools", engine.all_replicate)
    phases = JournalEntry.objects.filter(entry_type="M", phase_detail="A").order_by("id")
    assert list(phases.values_list("state", flat=True)) == ["SETUP", "FINAL SETUP", "SYNC"]


ONLY_ON_THE_SOURCE = """
    create function share(n int) returns int immutable language plpgsql as
        $$ begin if version() like 'PostgreSQL 18%' then return n / 0; end if; return n; end $$;
    create index by_share on account (share(n))
"""


def test_a_database_that_fails_is_named_and_does_not_disturb_the_other(two_pools):
    engine, second = two_pools
    engine.database.source.execute(ONLY_ON_THE_SOURCE)
    engine.start()
    engine.ask("SYNC")
    engine.until("the failure", lambda: "division by zero" in engine.pair.detail_text)
    assert engine.pair.detail_text.startswith("*SYSBAS: ") and engine.pair.phase_detail == "E"
    engine.until("the second", lambda: engine.pool_of(second).replicating)
    engine.application("update account set n = n + 1", second)
    engine.until("the rows", lambda: equal(second))
    assert engine.pool.step == "COPIED" and engine.pair.phase == "SETUP"
    engine.database.copy.execute(
        "create or replace function public.share(n int) returns int immutable return n"
    )
    engine.until("both pools", lambda: engine.all_replicate() and engine.pair.phase_detail == "A")
    assert equal(engine.database)
