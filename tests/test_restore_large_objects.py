import time

import psycopg
import pytest

from nodes.postgres.connect import connect, one
from tests.restore import carried, drop_roles, found, named, one_found, run
from tracking.restore.inspect import CarryFailed, carry, carry_all
from tracking.restore.large_objects import PAGE

LARGE = "LARGE OBJECT"
DESCRIBED = """
    select oid::int, pg_get_userbyid(lomowner), obj_description(oid, 'pg_largeobject'), length(lo_get(oid)),
           md5(lo_get(oid)), array(select a::text from unnest(lomacl) a order by 1)
    from pg_largeobject_metadata order by 1
"""
BYTES = "decode(repeat('00ff5c2725', %s), 'hex')"


@pytest.fixture
def people(database):
    """Two roles that both nodes have."""
    names = [named("person") for _ in range(2)]
    for session in (database.source, database.copy):
        for name in names:
            run(session, "create role {}", name)
    yield names
    drop_roles(database, names)


def make(session, data: bytes = b"x", oid: int = 0) -> int:
    """A large object with this content."""
    return one(session, "select lo_from_bytea(%s, %b)::int", (oid, data))


def same(database) -> list[tuple]:
    """What both nodes hold."""
    here, there = (session.execute(DESCRIBED).fetchall() for session in (database.source, database.copy))
    assert here == there
    return here


@pytest.mark.parametrize("size", [0, 1, 2048, PAGE, PAGE + 1, 3 * PAGE + 77])
def test_a_missing_object_is_made(database, size):
    oid = make(database.source, bytes(n * 7 % 256 for n in range(1021)) * (size // 1021 + 1))
    database.source.execute("begin")
    database.source.execute("select lo_truncate64(lo_open(%s, 131072), %s)", (oid, size))
    database.source.execute("commit")
    assert one_found(database, LARGE).size == size
    assert carried(database, LARGE) == ["missing"]
    assert [(row[0], row[3]) for row in same(database)] == [(oid, size)]


@pytest.mark.parametrize(
    "change",
    [
        "select lo_put(%s, 0, 'Y')",
        "select lo_put(%s, 1500000, 'Y')",  # the size stays
        "select lo_put(%s, 3000000, 'Y')",  # beyond the end: with a hole
        "select lo_truncate64(lo_open(%s, 131072), 5)",
        "select lo_truncate64(lo_open(%s, 131072), 1)",
        "select lo_truncate64(lo_open(%s, 131072), 0)",
    ],
)
def test_changed_content_is_carried(database, change):
    oid = make(database.source, b"abcde" * 400_000)
    carried(database, LARGE)
    with database.source.transaction():
        database.source.execute(change, (oid,))
    assert carried(database, LARGE) == ["changed"]
    same(database)


def test_zeros_that_are_stored_and_a_hole_are_the_same(database):
    oid = make(database.source, b"a" + bytes(PAGE * 2))
    make(database.copy, b"a", oid)
    database.copy.execute("select lo_put(%s, %s, '\\000')", (oid, PAGE * 2))
    assert found(database, LARGE) == []


def test_what_was_removed_is_unlinked(database):
    oid = make(database.source)
    carried(database, LARGE)
    database.source.execute("select lo_unlink(%s)", (oid,))
    assert carried(database, LARGE) == ["not on the source any more"]
    assert same(database) == []


def test_owner_privileges_and_comment_are_carried(database, people):
    oid, (owner, reader) = make(database.source), people
    run(database.source, f"alter large object {oid} owner to {{}}", owner)
    run(database.source, f"grant select on large object {oid} to {{}}", reader)
    database.source.execute(f"comment on large object {oid} is 'it''s 100%'")
    assert carried(database, LARGE) == ["missing"]
    assert same(database)[0][1] == owner
    written = one(database.copy, "select max(xmin::text::bigint) from pg_largeobject")
    run(database.source, f"revoke all on large object {oid} from {{}}", reader)
    run(database.source, f"alter large object {oid} owner to {{}}", reader)
    database.source.execute(f"comment on large object {oid} is null")
    assert carried(database, LARGE) == ["changed"]
    assert same(database)[0][1:3] == (reader, None)
    # its content was not written again
    assert written == one(database.copy, "select max(xmin::text::bigint) from pg_largeobject")


def test_what_has_changed_again_comes_as_it_is_now(database):
    oid = make(database.source)
    difference = one_found(database, LARGE)
    database.source.execute("select lo_put(%s, 0, 'newer')", (oid,))
    carry(difference, database.source, database.copy)
    same(database)
    database.source.execute("select lo_unlink(%s)", (oid,))
    carry(difference, database.source, database.copy)
    assert same(database) == []


def test_ten_thousand_small_ones_are_carried_in_a_few_transactions(database):
    database.source.execute(
        f"select lo_from_bytea(0, {BYTES % 'n % 50'} || n::text::bytea) from generate_series(1, 10000) n"
    )
    began = time.monotonic()
    differences = found(database, LARGE)
    assert len(differences) == 10_000
    before = one(database.copy, "select txid_current()")
    assert {failed for _, failed in carry_all(differences, database.source, database.copy)} == {None}
    assert one(database.copy, "select txid_current()") - before < 200
    assert found(database, LARGE) == []
    assert time.monotonic() - began < 60
    same(database)
    database.source.execute("select lo_unlink(oid) from pg_largeobject_metadata where oid::int % 2 = 0")
    database.source.execute(
        "select lo_put(oid, 0, 'new') from pg_largeobject_metadata where oid::int % 5 = 0"
    )
    list(carry_all(found(database, LARGE), database.source, database.copy))
    same(database)


def test_one_that_fails_is_named_and_hides_no_other(database):
    oids = [make(database.source, b"%d" % n) for n in range(3)]
    differences = found(database, LARGE)
    owner = named("owner")
    run(database.source, "create role {}", owner)
    try:
        run(database.source, f"alter large object {oids[1]} owner to {{}}", owner)
        outcome = {
            each.name: failed for each, failed in carry_all(differences, database.source, database.copy)
        }
        assert [str(oid) for oid in oids if outcome[str(oid)] is None] == [str(oids[0]), str(oids[2])]
        assert f"large object {oids[1]}: role" in str(outcome[str(oids[1])])
        with pytest.raises(CarryFailed):
            carry(differences[1], database.source, database.copy)
    finally:
        drop_roles(database, [owner])


def test_a_session_killed_in_the_middle_leaves_nothing_half_done(database):
    oid = make(database.source, b"z" * (3 * PAGE))
    make(database.copy, b"old", oid)
    difference = one_found(database, LARGE)
    copy = connect(database.copy_conninfo, "test")
    copy.execute("begin")
    carry(difference, database.source, copy)
    database.copy.execute("select pg_terminate_backend(%s, 5000)", (copy.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        carry(difference, database.source, copy)
    assert one(database.copy, "select lo_get(%s)", (oid,)) == b"old"
    assert carried(database, LARGE) == ["changed"]
    same(database)
