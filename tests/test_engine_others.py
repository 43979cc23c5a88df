import pytest

from nodes.postgres.connect import connect, one
from tests.engine import accounts
from tracking.models import OtherObject


@pytest.fixture
def replicating(engine, monkeypatch):
    """A pair that is ACTIVE, whose other objects are looked at all the time; its roles go with it."""
    monkeypatch.setattr("tracking.engine.others._EVERY_SECONDS", 0.5)
    monkeypatch.setattr("tracking.engine.others._SHARE", 0)
    engine.database.source.execute(accounts(10))
    engine.migrate()
    yield engine
    engine.stop()
    for node in (engine.database.source, engine.database.copy):
        node.execute("drop role if exists seller_of_others")


def test_a_role_and_a_large_object_made_while_active_arrive(replicating):
    source, copy = replicating.database.source, replicating.database.copy
    source.execute("create role seller_of_others nologin")
    number = one(source, "select lo_from_bytea(0, 'picture')")
    there = "select exists (select from pg_roles where rolname = 'seller_of_others')"
    replicating.until("the role", lambda: one(copy, there))
    content = "select encode(lo_get(oid), 'escape') from pg_largeobject_metadata where oid = %s"
    replicating.until("the large object", lambda: one(copy, content, (number,)) == "picture")
    source.execute("select lo_unlink(%s)", (number,))
    replicating.until("its end", lambda: one(copy, content, (number,)) is None)
    replicating.until("the messages", replicating.pair.messages.filter(text__contains="large object").exists)


def test_what_is_to_be_done_by_hand_stays_on_the_list_until_it_is_ticked_off(replicating):
    source = replicating.database.source
    source.execute(
        "create subscription of_others connection 'host=nowhere' publication p with (connect = false)"
    )
    try:
        found = OtherObject.objects.filter(object_type="SUBSCRIPTION", state="INELIGIBLE")
        replicating.until("the subscription", found.exists)
        found.get().tick_off("olga")
        before = found.get()
        replicating.application("update account set n = 1")
        with connect(replicating.database.source_conninfo, "test") as session:
            session.execute("create role seller_of_others nologin")
        there = "select exists (select from pg_roles where rolname = 'seller_of_others')"
        replicating.until("another look", lambda: one(replicating.database.copy, there))
        assert found.get().done_by == before.done_by == "olga"
    finally:
        source.execute("alter subscription of_others set (slot_name = none); drop subscription of_others")
    replicating.until("its end", lambda: not found.exists())


def test_a_table_of_a_role_that_is_new_arrives_with_its_role(engine):
    engine.database.source.execute(accounts(10))
    engine.migrate()
    engine.database.source.execute("create role seller_of_others nologin")
    try:
        engine.application(
            "create table made (id int primary key); alter table made owner to seller_of_others"
        )
        engine.application("insert into made values (1)")
        engine.until_equal()
        owner = "select tableowner from pg_tables where tablename = 'made'"
        engine.until("the owner", lambda: one(engine.database.copy, owner) == "seller_of_others")
        engine.until("the list", lambda: not engine.pool.definition_entries.exists())
    finally:
        engine.stop()
        for node in (engine.database.source, engine.database.copy):
            node.execute("drop table if exists made; drop role if exists seller_of_others")
