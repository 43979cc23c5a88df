import pytest
from django.test import Client
from django.utils.html import escape

from nodes.postgres import install
from nodes.postgres.connect import one
from tests.portal import make_people
from tracking import support
from tracking.restore.inspect import KINDS


def test_every_type_that_is_decided_on_has_a_row_and_nothing_else_has():
    types = [row.object_type for row in support.rows()]
    assert len(types) == len(set(types))
    assert {kind.object_type for kind in KINDS} < set(types)
    assert {"table", "view", "enum", "text search configuration", "user mapping"} < set(types)
    assert set(support.EXCEPTIONS) <= set(types)


def test_every_type_that_the_server_can_name_is_described_or_known_not_to_be(database):
    """Objects of each kind that mwa.objects() finds are described by a function of ours."""
    install.install(database.source)
    undescribed = """
        select distinct i.type from mwa.objects() o, mwa.identify(o.class, o.object) i
        where not exists (select from mwa.facets(o.class, o.object, i.type))
    """
    database.source.execute("""
        create type mood as enum ('sad'); create table a (id serial primary key, m mood);
        create view v as select 1;
        create function f() returns int language sql as 'select 1'; create domain d as int; create schema s;
        create statistics st on id, m from a; create publication p for table a;
        alter default privileges grant select on tables to public
    """)
    assert database.source.execute(undescribed).fetchall() == []
    assert one(database.source, "select count(*) from mwa.objects()") > 8


@pytest.mark.django_db
def test_the_page_shows_every_type():
    client = Client()
    client.force_login(make_people()["vera"])
    page = client.get("/object-types/").content.decode()
    for row in support.rows():
        assert escape(row.object_type) in page and escape(row.exceptions) in page
