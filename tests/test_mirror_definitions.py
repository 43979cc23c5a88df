import pytest

from nodes.postgres.connect import one
from tests.definitions import application, assert_same, begun_and_paused, schema
from tests.mirror import content
from tracking.mirror import definitions

BEGIN = """
    create table account (id int primary key, n int not null default 0, note text);
    create table child (id int primary key, account int);
    insert into account select i, i % 5 from generate_series(1, 200) i
"""


@pytest.fixture
def paused(mirror):
    """Equal on both nodes, definitions known, the stream off."""
    return begun_and_paused(mirror, BEGIN)


def owed(mirror) -> dict[str, str]:
    return {str(each): each.whole_reason for each in mirror.owed()}


def test_definitions_of_a_pause_come_before_the_rows(paused):
    application(
        paused, "insert into account values (201, 1, 'before')", "alter table account add column x int default 3",
        "update account set x = 4 where id < 10", "alter table account rename note to remark",
        "insert into account values (202, 1, 'after', 5)", "alter table account drop column n",
    )  # fmt: skip
    done = paused.hand_over()
    assert done.rows == 11  # by their keys, not the whole table
    assert_same(paused)


@pytest.mark.parametrize(
    "statements",
    [
        ["delete from account where id > 5", "create unique index on account (n)"],
        ["update account set n = n + 1000", "alter table account add check (n >= 1000)"],
        ["update account set note = 'x'", "alter table account alter note set not null"],
        ["insert into account values (999)", "insert into child values (1, 999)",
         "alter table child add foreign key (account) references account"],
        ["delete from account where id > 100", "alter table account alter id type bigint"],
        ["alter table account alter note type int using length(note) + 7", "update account set n = 3 where id = 3"],
        ["update account set n = 9 where id = 9", "alter table account rename to other", "delete from other where id = 8"],
        ["alter table account add column r float default random()", "update account set n = 1 where id = 4"],
        ["alter table account drop constraint account_pkey", "update account set id = id + 1 where id > 190"],
        ["create table made (id int primary key)", "drop table child", "create table child (id text primary key)"],
    ],
    ids=lambda statements: statements[-1][:40],
)  # fmt: skip
def test_a_definition_that_needs_the_rows_of_a_pause_arrives(paused, statements):
    application(paused, *statements)
    paused.hand_over()
    missing = set(content(paused.database.source)) - {"public.account", "public.child"}
    if not missing & {"public.made"}:
        assert_same(paused)
    else:
        assert schema(paused.database.copy_conninfo) == schema(paused.database.source_conninfo)


def test_what_goes_whole_is_listed_before_it_is_emptied(paused):
    application(paused, "alter table account alter n type text using 'n' || n")
    with paused.tracking() as capture:
        with pytest.raises(ZeroDivisionError):
            definitions.bring(paused.database.source, paused.database.copy, lambda schema, table: 1 // 0)
        assert one(paused.database.copy, "select count(*) from account") == 200
        assert capture.alive()
    paused.hand_over()
    assert_same(paused)


def test_an_entry_is_carried_once_whoever_dies(paused):
    application(paused, "alter table account add column x int", "alter table account add column y int")
    wholes: list[str] = []
    source, copy = paused.database.source, paused.database.copy
    assert definitions.bring(source, copy, lambda *name: wholes.append(str(name))) == 2
    assert definitions.bring(source, copy, lambda *name: wholes.append(str(name))) == 0
    assert wholes == []
    paused.hand_over()
    assert_same(paused)
