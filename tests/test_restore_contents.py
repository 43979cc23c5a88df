import pytest

from nodes.postgres.connect import connect, one
from tests.restore import NASTY, carried, found, one_found, run
from tracking.restore.inspect import CarryFailed, carry, carry_all, inspect

UNLOGGED, VIEW = "UNLOGGED TABLE", "MATERIALIZED VIEW"


def both(database, statement: str, *names: str) -> None:
    """On both nodes."""
    for session in (database.source, database.copy):
        run(session, statement, *names)


def rows(session, *name: str) -> list[tuple]:
    """All rows of a relation, as sorted text."""
    session.execute("set search_path = public")
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in name)
    return session.execute(f"select t::text from {quoted} t order by 1".replace("%", "%%"), ()).fetchall()


@pytest.fixture
def unlogged(database):
    """An unlogged table on both nodes, with rows on the source."""
    both(database, "create schema {}", NASTY)
    both(
        database,
        "create unlogged table {}.{} (id int primary key, {} text, n int generated always as (id) stored)",
        NASTY, NASTY, NASTY,
    )  # fmt: skip
    run(database.source, "insert into {}.{} select n, 'w' || n from generate_series(1, 500) n", NASTY, NASTY)
    return database


def test_rows_of_an_unlogged_table_are_carried_whole(unlogged):
    difference = one_found(unlogged, UNLOGGED)
    assert (difference.library, difference.name, difference.state) == (NASTY, NASTY, "READY")
    assert difference.size > 0
    assert carried(unlogged, UNLOGGED) == ["changed"]
    assert rows(unlogged.source, NASTY, NASTY) == rows(unlogged.copy, NASTY, NASTY)


@pytest.mark.parametrize(
    "change",
    [
        "update {0}.{0} set {0} = 'other' where id = 7",
        "update {0}.{0} set {0} = null where id = 7",
        "delete from {0}.{0} where id = 7",
        "truncate {0}.{0}",
        "insert into {0}.{0} values (1000, '%s')",
    ],
)
def test_changed_and_removed_rows_are_carried(unlogged, change):
    carried(unlogged, UNLOGGED)
    run(unlogged.source, change, NASTY)
    assert carried(unlogged, UNLOGGED) == ["changed"]
    assert rows(unlogged.source, NASTY, NASTY) == rows(unlogged.copy, NASTY, NASTY)


def test_triggers_of_the_copy_do_not_fire(unlogged):
    unlogged.copy.execute(
        "create table fired (n int); create function note() returns trigger language plpgsql as"
        " 'begin insert into public.fired values (1); return new; end'"
    )
    run(
        unlogged.copy,
        "create trigger note after insert on {0}.{0} for each row execute function note()",
        NASTY,
    )
    carried(unlogged, UNLOGGED)
    assert one(unlogged.copy, "select count(*) from fired") == 0


def test_a_table_that_the_copy_lacks_or_has_otherwise_waits_for_its_definition(unlogged):
    run(unlogged.copy, "alter table {0}.{0} add more int", NASTY)
    difference = one_found(unlogged, UNLOGGED)
    assert (difference.change, difference.state) == ("changed", "INELIGIBLE")
    assert difference.why == "column more is missing on the source"
    run(unlogged.copy, "drop table {0}.{0}", NASTY)
    difference = one_found(unlogged, UNLOGGED)
    assert (difference.change, difference.state) == ("missing", "INELIGIBLE")
    with pytest.raises(CarryFailed, match="definition has to be carried first"):
        carry(difference, unlogged.source, unlogged.copy)


def test_a_definition_lost_meanwhile_is_a_failure_with_the_table_s_name(unlogged):
    difference = one_found(unlogged, UNLOGGED)
    run(unlogged.copy, "drop table {0}.{0}", NASTY)
    with pytest.raises(CarryFailed, match="definition has to be carried first") as caught:
        carry(difference, unlogged.source, unlogged.copy)
    assert NASTY in str(caught.value)


def test_a_locked_table_hides_no_other(unlogged):
    both(unlogged, "create unlogged table other (id int)")
    unlogged.source.execute("insert into other values (1)")
    with connect(unlogged.source_conninfo, "test", autocommit=False) as locker:
        run(locker, "lock table {0}.{0} in access exclusive mode", NASTY)
        states = {each.name: (each.state, each.change) for each in found(unlogged, UNLOGGED)}
        locker.rollback()
    assert states == {"other": ("READY", "changed"), NASTY: ("INELIGIBLE", "cannot be read")}


def test_a_reader_on_the_copy_is_not_kept_waiting_without_end(unlogged):
    difference = one_found(unlogged, UNLOGGED)
    with connect(unlogged.copy_conninfo, "test", autocommit=False) as reader:
        run(reader, "select * from {0}.{0}", NASTY)
        with pytest.raises(CarryFailed, match="lock timeout"):
            carry(difference, unlogged.source, unlogged.copy)
    carry(difference, unlogged.source, unlogged.copy)
    assert found(unlogged, UNLOGGED) == []


@pytest.fixture
def views(database):
    """A table with equal rows, and two materialized views, of which one reads the other."""
    both(database, "create table numbers as select generate_series(1, 100) as n")
    both(database, "create materialized view {} as select n, n::text || '%s' as words from numbers", NASTY)
    both(database, "create materialized view above as select sum(n) from {}", NASTY)
    return database


def test_equal_views_do_not_differ(views):
    assert found(views, VIEW) == []


def test_views_are_refreshed_each_after_those_that_it_reads(views):
    both(views, "insert into numbers values (1000)")
    run(views.source, "refresh materialized view {}", NASTY)
    run(views.source, "refresh materialized view above")
    assert [each.name for each in found(views, VIEW)] == [NASTY, "above"]
    assert carried(views, VIEW) == ["changed", "changed"]
    assert rows(views.source, "above") == rows(views.copy, "above")


def test_whether_a_view_holds_rows_is_carried(views):
    run(views.source, "refresh materialized view above with no data")
    assert carried(views, VIEW) == ["changed"]
    assert not one(views.copy, "select relispopulated from pg_class where relname = 'above'")
    run(views.source, "refresh materialized view above")
    assert carried(views, VIEW) == ["changed"]


@pytest.mark.parametrize("query", ["random() as n", "clock_timestamp() as n"])
def test_a_view_that_no_refresh_makes_equal_is_tried_once(database, query):
    both(database, "create materialized view {} as select " + query, NASTY)
    difference = one_found(database, VIEW)
    assert difference.state == "READY"
    with pytest.raises(CarryFailed, match="reads the clock or random numbers") as caught:
        carry(difference, database.source, database.copy)
    assert caught.value.in_vain and NASTY in str(caught.value)
    again = inspect(database.source, database.copy, tried=[difference])
    (hopeless,) = [each for each in again if each.object_type == VIEW]
    assert hopeless.state == "INELIGIBLE" and "refresh it on the source" in hopeless.why
    run(database.source, "refresh materialized view {}", NASTY)
    again = inspect(database.source, database.copy, tried=[difference])
    assert [each.state for each in again if each.object_type == VIEW] == ["READY"]


def test_a_view_that_is_stale_on_the_source_is_told_and_ends_when_that_is_refreshed(views):
    both(views, "insert into numbers values (1000)")
    both(views, "create materialized view late as select count(*) from numbers")
    both(views, "insert into numbers values (1001)")
    run(views.copy, "refresh materialized view late")
    (outcome,) = carry_all(found(views, VIEW), views.source, views.copy)
    assert outcome[0].name == "late" and outcome[1].in_vain
    run(views.source, "refresh materialized view late")
    assert found(views, VIEW) == []


def test_a_refresh_that_fails_is_named_with_the_server_s_words(views):
    both(views, "create materialized view ratio as select 1 / n as r from numbers where n > 5")
    both(views, "insert into numbers values (7)")
    views.source.execute("refresh materialized view ratio")
    difference = one_found(views, VIEW)
    views.copy.execute("drop materialized view ratio")
    with pytest.raises(CarryFailed, match=r"ratio: relation .* does not exist"):
        carry(difference, views.source, views.copy)


def test_a_view_that_the_copy_lacks_waits_for_its_definition(views):
    run(views.copy, "drop materialized view above")
    difference = one_found(views, VIEW)
    assert (difference.change, difference.state) == ("missing", "INELIGIBLE")
