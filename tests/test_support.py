import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.utils.html import escape

from nodes.postgres import install
from nodes.postgres.connect import one
from tests.portal import make_people
from tests.trees import Tree, need_root
from tracking import support
from tracking.ifs.carry import carry
from tracking.ifs.entry import INELIGIBLE, type_of
from tracking.ifs.links import Links
from tracking.ifs.outcome import Carried, Failed
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


FORMATS = {
    "*STMF": stat.S_IFREG, "*DIR": stat.S_IFDIR, "*SYMLNK": stat.S_IFLNK, "*FIFO": stat.S_IFIFO,
    "*CHRSF": stat.S_IFCHR, "*SOCKET": stat.S_IFSOCK, "*BLKSF": stat.S_IFBLK,
}  # fmt: skip
MAKE: dict[str, Callable[[Path], None]] = {
    "*DIR": Path.mkdir,
    "*SYMLNK": lambda path: path.symlink_to("elsewhere"),
}


def test_every_type_of_file_that_there_is_has_a_row_on_the_list_of_files():
    assert {type_of(mode): mode for mode in FORMATS.values()} == FORMATS
    on_list = {row.object_type for row in support.rows() if row.tracking_list == "ITL"}
    assert on_list == {*FORMATS, support.HARD_LINKS}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_type_of_file_travels_if_its_row_says_so(kind, tmp_path):
    if kind in ("*CHRSF", "*BLKSF"):
        need_root()
    tree = Tree(tmp_path)
    make = MAKE.get(kind, lambda path: os.mknod(path, FORMATS[kind] | 0o600, os.makedev(1, 3)))
    make(tree.source / "it")
    outcome = carry(tree.opened, "it")
    assert outcome.type == kind
    [row] = [row for row in support.rows() if row.object_type == kind]
    says_no = (row.system_migration, row.data_synchronization) == ("not carried", "not carried")
    assert isinstance(outcome, Failed if says_no else Carried)
    assert says_no == ("not carried" in (row.system_migration, row.data_synchronization))
    assert os.path.lexists(tree.copy / "it") is not says_no
    if says_no:
        assert isinstance(outcome, Failed) and INELIGIBLE[kind] in outcome.reason
        assert INELIGIBLE[kind].casefold() in row.exceptions.casefold()
    tree.opened.close()


def test_hard_links_travel_as_their_row_says(tmp_path):
    tree = Tree(tmp_path)
    tree.write("one")
    os.link(tree.source / "one", tree.source / "other")
    os.link(tree.source / "one", tmp_path / "in no root")
    links = Links()
    for path in ("one", "other", ""):
        tree.carry(path, None, links)
    there = (tree.copy / "one").stat()
    assert there.st_ino == (tree.copy / "other").stat().st_ino
    assert there.st_nlink == 2 < (tree.source / "one").stat().st_nlink
    tree.opened.close()


@pytest.mark.django_db
def test_the_page_shows_every_type():
    client = Client()
    client.force_login(make_people()["vera"])
    page = client.get("/object-types/").content.decode()
    for row in support.rows():
        assert escape(row.object_type) in page and escape(row.exceptions) in page
