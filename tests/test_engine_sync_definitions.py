import threading

import pytest

from nodes.postgres.connect import connect, one
from tests.definitions import schema
from tests.mirror import content
from tracking.models import Attempt, DefinitionEntry, MigratedObject, TrackedTable

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


def settled(engine) -> None:
    """Wait until nothing is left on the list, everything is in step, and both nodes are the same."""
    last = "select coalesce(max(id), 0) from mwa.definition_changes where origin = mwa.node()"
    engine.until("the changes", lambda: engine.pool.definitions_seen == one(engine.database.source, last))
    engine.until("the list", lambda: not DefinitionEntry.objects.filter(done_at=None).exists())
    engine.until_state("ACTIVE", "REPLICATING")
    engine.until_equal()
    assert schema(engine.database.copy_conninfo) == schema(engine.database.source_conninfo)


def job(engine) -> str:
    return f"engine {engine.pair.lease_owner}"


def entry(engine, state: str, identity: str) -> DefinitionEntry:
    """Wait for it."""
    found = DefinitionEntry.objects.filter(state=state, identity=identity)
    engine.until(f"{state} {identity}", found.exists)
    return found.get()


def test_definitions_come_in_the_stream_without_a_suspend(replicating):
    before = replicating.pool.since
    replicating.application("alter table account add column stamp timestamptz default now()")
    replicating.application("update account set n = 1 where id < 5; insert into other values (1, 1)")
    replicating.application("create view shown as select id, stamp from account; create index on other (n)")
    replicating.application("create function twice(i int) returns int language sql as 'select i * 2'")
    settled(replicating)
    assert replicating.pool.since == before
    carried = MigratedObject.objects.order_by("identity").values_list("identity", "count")
    assert list(carried) == [
        ("public.account", 1), ("public.other", 1), ("public.shown", 1), ("public.twice(integer)", 1),
    ]  # fmt: skip


def test_rows_rewritten_by_a_definition_are_brought_anew(replicating):
    replicating.application("alter table event alter n type bigint using n + 7")
    replicating.until(
        "the rows",
        lambda: content(replicating.database.copy)["public.event_2023"][:1] == ["(1,2023-05-05,7)"],
    )
    settled(replicating)
    replicating.application("alter table account add column r float default random()")
    settled(replicating)


def test_definitions_changed_while_the_portal_was_stopped_are_not_lost(replicating):
    replicating.stop()
    replicating.application("alter table account rename n to amount")
    replicating.application("update account set amount = 3 where id = 3")
    replicating.application("create view shown as select * from account")
    replicating.start()
    settled(replicating)


def test_definitions_of_a_pause_stand_on_the_list_and_come_at_the_start(replicating):
    replicating.ask("PAUSED")
    replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
    replicating.application("alter table account add column extra int default 3; drop table other")
    entry(replicating, "READY", "public.account")
    replicating.application(
        "update account set extra = 4 where id = 4; create table other (id text primary key)"
    )
    replicating.application("insert into other values ('new')")
    replicating.ask("SYNC")
    replicating.until_state("ACTIVE", "REPLICATING")
    settled(replicating)
    assert content(replicating.database.copy)["public.other"] == ["(new)"]


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
    settled(replicating)


def test_a_function_that_fails_on_the_copy_is_named_and_everything_else_goes_on(replicating):
    replicating.database.copy.execute(
        "create function twice(i int) returns text language sql as 'select 1::text'"
    )
    replicating.application("create function twice(i int) returns int language sql as 'select i * 2'")
    found = entry(replicating, "FAILED", "public.twice(integer)")
    assert "cannot change return type" in found.failure
    replicating.application("alter table account add column x int; update account set x = 1")
    replicating.until_equal()
    assert replicating.pool.replicating
    assert "not on the secondary" in replicating.pair.in_the_way_of_swap()
    replicating.database.copy.execute("drop function twice")
    found.retry("olga")
    settled(replicating)
    assert not DefinitionEntry.objects.exists()
    carried, *_, failed = Attempt.objects.filter(identity="public.twice(integer)")
    assert (failed.outcome, failed.message, failed.started_at) == ("FAILED", found.failure, None)
    assert failed.job == found.failure_job == f"apply worker {replicating.pool.slot()}"
    assert (carried.outcome, carried.by, carried.job) == ("CARRIED", "olga", job(replicating))
    assert carried.started_at < carried.ended_at


def test_a_table_that_cannot_be_changed_on_the_copy_is_held_back_and_comes_whole(replicating):
    replicating.database.copy.execute("create view in_the_way as select n from account")
    replicating.application("alter table account drop column n; insert into account values (51)")
    found = entry(replicating, "FAILED", "public.account")
    assert (
        "view in_the_way depends on column n" in found.failure
        or "other objects depend on it" in found.failure
    )
    all_others_go_on(replicating)
    assert "not on the secondary" in replicating.pair.in_the_way_of_swap()
    replicating.database.copy.execute("drop view in_the_way")
    found.retry()
    settled(replicating)


def test_rows_that_no_longer_fit_a_table_hold_nobody_up_but_it(replicating):
    """The apply worker meets them before anybody has seen that the definition has failed."""
    replicating.application("create domain amount as int")
    replicating.until(
        "the domain", lambda: one(replicating.database.copy, "select to_regtype('amount') is not null")
    )
    replicating.database.copy.execute("drop domain amount")
    replicating.application(
        "begin; alter table account add column x amount; insert into account values (51, 1, 1); commit"
    )
    found = entry(replicating, "FAILED", "public.account")
    all_others_go_on(replicating)
    replicating.database.copy.execute("create domain amount as int")
    found.retry()
    settled(replicating)


def all_others_go_on(engine) -> None:
    """Of a table that is held back no row comes; those of the others do."""
    engine.until_state("ACTIVE", "REPLICATING")
    engine.application("insert into account values (52); insert into other values (77, 77)")
    arrived = "select exists (select from other where id = 77)"
    engine.until("the other table's rows", lambda: one(engine.database.copy, arrived))
    assert not one(engine.database.copy, "select exists (select from account where id = 52)")


def test_a_table_changed_by_hand_and_ticked_off_comes_whole(replicating):
    replicating.database.copy.execute("create view in_the_way as select n from account")
    replicating.application("alter table account drop column n; insert into account values (51)")
    found = entry(replicating, "FAILED", "public.account")
    all_others_go_on(replicating)
    replicating.database.copy.execute("drop view in_the_way; alter table account drop column n")
    found.tick_off("olga")
    settled(replicating)


def test_what_could_not_be_noted_is_for_a_person(replicating):
    source = replicating.database.source
    source.execute("drop function mwa.identify cascade")
    replicating.application("alter table account add column x int")
    replicating.until_state("TRACKING", "SUSPENDED", 9040)
    [found] = DefinitionEntry.objects.filter(state="INELIGIBLE")
    assert "mwa.identify" in found.failure
    replicating.database.copy.execute("alter table account add column x int")
    found.tick_off("olga")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


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


def test_definitions_of_many_sessions_at_once_all_arrive(replicating):
    def make(number: int) -> None:
        for part in range(5):
            replicating.application(f"create view v{number}_{part} as select {part} as p")

    threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    replicating.until("all of them", lambda: MigratedObject.objects.count() == 20)
    settled(replicating)


def test_what_is_owed_whole_is_torn_off_once_it_was_brought(replicating):
    replicating.application("alter table account alter n type text using n || '!'")
    settled(replicating)
    assert not TrackedTable.objects.exists()


def test_a_foreign_key_to_a_table_whose_rows_have_not_come_yet_arrives(replicating):
    """It comes with the stream, the rows of a new table only at the next hand-over."""
    replicating.application("insert into other select i, 1 from generate_series(1, 5) i")
    replicating.application(
        "begin; create table kind (id int primary key); insert into kind values (1);"
        " alter table other add foreign key (n) references kind;"
        " update other set n = null where id = 5; commit"
    )
    settled(replicating)
    assert content(replicating.database.copy)["public.kind"] == ["(1)"]
    assert not DefinitionEntry.objects.exists()
