import threading

import pytest

from nodes.postgres.connect import connect, one
from tests.mirror import content
from tracking.models import DefinitionEntry, TrackedTable

BEGIN = """
    create table account (id int primary key, n int not null default 0);
    insert into account select i, 0 from generate_series(1, 50) i;
    create table other (id int primary key, n int);
    create table event (id int, at date, n int default 0, primary key (id, at)) partition by range (at);
    create table event_2023 partition of event for values from ('2023-01-01') to ('2024-01-01');
    insert into event select i, '2023-05-05' from generate_series(1, 10) i
"""


@pytest.fixture
def replicating(engine):
    """A pair that is ACTIVE."""
    engine.database.source.execute(BEGIN)
    engine.migrate()
    return engine


def entries(engine, *identities: str) -> None:
    """Wait until exactly these changes are on the list."""
    engine.until_state("TRACKING", "SUSPENDED", 9040)
    engine.until(
        "the entries",
        lambda: (
            [entry.identity for entry in engine.pool.definition_entries.order_by("number")]
            == list(identities)
        ),
    )


def done_by_hand(engine, statements: str) -> None:
    """The same on the copy, and ticked off."""
    engine.database.copy.execute(statements)
    for entry in DefinitionEntry.objects.filter(done_at=None):
        entry.tick_off("olga")


def test_a_column_added_suspends_and_is_brought_whole_once_it_is_on_the_copy(replicating):
    add = "alter table account add column stamp float default random()"
    replicating.application(add)
    replicating.application("update account set n = 1 where id < 5; insert into other values (1, 1)")
    entries(replicating, "public.account")
    assert "ALTER TABLE public.account" in replicating.pool.reason_text
    replicating.application("insert into account (id) values (100); delete from account where id = 50")
    done_by_hand(replicating, add)
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert replicating.pool.resync_rows >= 50


def test_a_definition_ticked_off_but_not_made_is_found_out(replicating):
    replicating.application("alter table account add column extra int default 3")
    entries(replicating, "public.account")
    done_by_hand(replicating, "select 1")
    replicating.until_state("TRACKING", "SUSPENDED", 9070)
    assert "public.account: its columns differ: extra" in replicating.pool.reason_text
    replicating.database.copy.execute("alter table account add column extra int")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_rows_rewritten_by_a_definition_arrive(replicating):
    change = "alter table event alter n type bigint using n + 7"
    replicating.application(change)
    entries(replicating, "public.event")
    replicating.until("the list", lambda: TrackedTable.objects.filter(table_name="event_2023").exists())
    done_by_hand(replicating, "alter table event alter n type bigint")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert "(1,2023-05-05,7)" in content(replicating.database.copy)["public.event_2023"]


def test_a_definition_changed_while_the_portal_was_stopped_is_not_lost(replicating):
    replicating.stop()
    replicating.application("alter table account rename n to amount")
    replicating.application("update account set amount = 3 where id = 3")
    replicating.application("create view shown as select * from account")
    replicating.start()
    entries(replicating, "public.account.amount", "public.shown")
    done_by_hand(
        replicating, "alter table account rename n to amount; create view shown as select * from account"
    )
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_a_definition_changed_in_a_pause_holds_the_start_back(replicating):
    replicating.ask("PAUSED")
    replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
    replicating.application("alter table account add column extra int default 3")
    replicating.until("the entry", DefinitionEntry.objects.exists)
    replicating.ask("SYNC")
    replicating.until_state("TRACKING", "SUSPENDED", 9040)
    assert "public.account" in replicating.pool.reason_text
    done_by_hand(replicating, "alter table account add column extra int default 3")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_a_definition_that_is_committed_late_is_not_lost(replicating):
    """Numbers are given out before they are committed: the smaller one may come after the larger."""
    conninfo = replicating.database.source_conninfo
    with connect(conninfo, "x", autocommit=False, search_path="public") as slow:
        slow.execute("set application_name = 'shop'")
        slow.execute("create view first as select 1 as one")
        replicating.application("create view second as select 2 as two")
        replicating.application("update account set n = 2")
        replicating.until_equal()
        slow.commit()
    entries(replicating, "public.first", "public.second")


def test_a_table_dropped_while_active_is_named_and_does_not_stop_the_rest(replicating):
    replicating.application("insert into other values (1, 1); update account set n = 3; drop table other")
    entries(replicating, "public.other")
    replicating.application("update account set n = 4 where id < 10")
    done_by_hand(replicating, "drop table other")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert "public.other" not in content(replicating.database.copy)


def test_a_table_dropped_while_tracking_is_named_and_does_not_stop_the_rest(replicating):
    replicating.ask("PAUSED")
    replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
    replicating.application("insert into other values (1, 1); update account set n = 3")
    replicating.until("the keys", lambda: replicating.pool.tracked_rows == 51)
    replicating.application("drop table other; create table other (id int primary key)")
    replicating.application("insert into other values (9)")
    replicating.ask("SYNC")
    entries(replicating, "public.other")
    done_by_hand(replicating, "drop table other")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert content(replicating.database.copy)["public.other"] == ["(9)"]


def test_an_applications_definitions_never_fail_because_of_us(replicating):
    """Even where nothing can be noted."""
    source = replicating.database.source
    source.execute("alter table mwa.definition_changes add constraint never check (false) not valid")
    replicating.application("create table made (id int primary key); alter table account add column x int")
    replicating.application("drop table made; drop table other; create view shown as select 1 as one")
    assert one(source, "select count(*) from pg_views where viewname = 'shown'") == 1
    source.execute("drop function mwa.keep_identities")
    replicating.application("create table made (id int primary key); drop table made")
    source.execute("drop schema mwa cascade")
    replicating.application("create table made (id int primary key)")


def test_definitions_of_many_sessions_at_once_are_all_noted(replicating):
    def make(number: int) -> None:
        for part in range(5):
            replicating.application(f"create view v{number}_{part} as select {part} as p")

    threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    replicating.until("all entries", lambda: DefinitionEntry.objects.count() == 20)
