import pytest

from nodes.postgres import catalog
from tracking.mirror.refresh import Listed
from tracking.mirror.samerows import LastRows

TABLES = """
    create table keyed (id int primary key, words text);
    create table keyless (words text);
    insert into keyed select n, 'w' || n from generate_series(1, 10) n;
    insert into keyless select 'w' || n % 3 from generate_series(1, 10) n
"""
KEYS = ("id",)


def differing(database, *batches: list[str]) -> list[str]:
    tables = [catalog.table(database.source, "public", name) for name in ("keyless", "keyed")]
    listed = [Listed(tables[1], KEYS, list(batches))]
    last = LastRows(tables[:1], listed)
    return last.differing(last.hashes(database.source), last.hashes(database.copy))


@pytest.fixture
def equal(database):
    for session in (database.source, database.copy):
        session.execute(TABLES)
    return database


def test_equal_rows_are_found_equal(equal):
    assert differing(equal, ["{1}", "{2}"], ["{3}", "{77}"]) == []


@pytest.mark.parametrize(
    "change",
    [
        "update keyed set words = 'other' where id = 2",
        "update keyed set words = null where id = 3",
        "delete from keyed where id = 1",
        "insert into keyed values (77, 'too many')",
    ],
)
def test_a_difference_among_listed_rows_is_found(equal, change):
    equal.copy.execute(change)
    assert differing(equal, ["{1}", "{2}"], ["{3}", "{77}"]) == ["public.keyed (among the rows brought last)"]


def test_rows_that_are_not_listed_are_not_looked_at(equal):
    equal.copy.execute("update keyed set words = 'other' where id = 9")
    assert differing(equal, ["{1}", "{2}"]) == []


@pytest.mark.parametrize(
    "change",
    [
        "insert into keyless values ('w1')",
        "delete from keyless where ctid = (select min(ctid) from keyless)",
        "update keyless set words = 'w2' where ctid = (select min(ctid) from keyless where words = 'w1')",
    ],
)
def test_a_difference_in_a_whole_table_is_found(equal, change):
    equal.copy.execute(change)
    assert differing(equal, ["{1}"]) == ["public.keyless"]
