"""Some rows of a table are compared alone."""

import pytest

from tracking.compare.table import compare_table

TABLE = ("public", "account")


@pytest.fixture
def accounts(database):
    for session in (database.source, database.copy):
        session.execute("create table account (id int, part text, n int, primary key (id, part))")
        session.execute("insert into account select i, 'a,\"b', i from generate_series(1, 1000) i")
    return database


def compared(database, keys):
    return compare_table(database.source, database.copy, TABLE, keys=keys, caught_up=lambda position: True)


def test_a_row_that_has_become_equal_is_equal_whatever_the_others_are(accounts):
    accounts.copy.execute("update account set n = 0 where id in (7, 8)")
    found = compare_table(accounts.source, accounts.copy, TABLE, caught_up=lambda position: True)
    keys = sorted(row.key for row in found.differences)
    assert len(keys) == 2
    accounts.copy.execute("update account set n = 7 where id = 7")
    again = compared(accounts, keys)
    assert (again.verdict, again.rows_compared, again.difference_count) == ("different", 2, 1)
    assert again.differences[0].source["id"] == "8"
    assert compared(accounts, [keys[0]]).verdict == "equal"


def test_a_row_that_is_gone_from_both_nodes_is_equal(accounts):
    assert compared(accounts, ["{5000,x}"]).verdict == "equal"


def test_rows_without_a_key_cannot_be_looked_at_alone(accounts):
    for session in (accounts.source, accounts.copy):
        session.execute("alter table account drop constraint account_pkey")
    found = compared(accounts, ["{1,x}"])
    assert found.verdict == "not comparable" and "have no key" in found.reason


def test_a_key_that_is_none_any_more_is_not_comparable(accounts):
    found = compared(accounts, ["{x,y}"])
    assert found.verdict == "not comparable" and "invalid input syntax" in found.reason
