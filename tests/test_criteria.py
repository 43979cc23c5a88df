"""Which objects are mirrored, by the rules of the replication criteria list on two real nodes."""

import re

import pytest

from nodes.postgres import criteria, criteria_change
from nodes.postgres.connect import one
from nodes.postgres.criteria import BadRule, Rule
from tests.definitions import followed
from tracking import support
from tracking.restore.inspect import KINDS

BEFORE = """
    create schema shop;
    create type shop.mood as enum ('good');
    create function shop.twice(n int) returns int immutable language sql as 'select n * 2';
    create table shop.item (
        id serial primary key, mood shop.mood, moods shop.mood[], double int check (shop.twice(double) > 0));
    create table shop.line (id int primary key, item int references shop.item);
    create index on shop.line (shop.twice(item));
    create table shop.note (id int generated always as identity primary key, n int);
    create statistics shop.st on id, n from shop.note;
    create view shop.items as select * from shop.item;
    create table shop.event (at date not null) partition by range (at);
    create table shop.event_24 partition of shop.event for values from ('2024-01-01') to ('2025-01-01')
"""


@pytest.fixture
def pair(database):
    with followed(database, BEFORE) as found:
        yield found


def there(node, name: str) -> bool:
    return one(node, "select to_regclass(%s) is not null", (name,))


def activate(pair, *rules: Rule) -> None:
    criteria_change.activate(pair.source, pair.copy, rules)


def changed(pair, *rules: Rule) -> dict[str, tuple[str, str]]:
    found = criteria_change.preview(pair.source, pair.copy, rules)
    return {each.identity: (each.before, each.after) for each in found.changes}


RULES = [
    Rule("EXCLUDE"),
    Rule("INCLUDE", "a"),
    Rule("EXCLUDE", "a", "table"),
    Rule("DEFINITION", "a", "table", "log"),
    Rule("EXCLUDE", "", "extension"),
    Rule("INCLUDE", "", "extension", "citext"),
]


RESOLVED = {
    ("b", "table", "x"): "EXCLUDE",
    ("a", "view", "x"): "INCLUDE",
    ("a", "table", "x"): "EXCLUDE",
    ("a", "table", "log"): "DEFINITION",
    ("a", "view", "log"): "INCLUDE",
    ("", "extension", "x"): "EXCLUDE",
    ("", "extension", "citext"): "INCLUDE",
    ("", "publication", "p"): "EXCLUDE",
}


def test_the_most_specific_rule_wins(pair):
    criteria.put(pair.source, RULES)
    assert criteria.resolve(pair.source, list(RESOLVED)) == list(RESOLVED.values())


def test_without_rules_everything_is_mirrored(pair):
    assert criteria.unmirrored(pair.source) == set()
    assert {table.name for table in criteria.tables(pair.source)} == {"item", "line", "note", "event_24"}


def test_a_preview_names_what_would_change_and_changes_nothing(pair):
    rules = [Rule("EXCLUDE", "shop", "table", "note"), Rule("DEFINITION", "shop", "table", "event")]
    assert changed(pair, *rules) == {
        "shop.note": ("INCLUDE", "EXCLUDE"), "shop.st": ("INCLUDE", "EXCLUDE"),
        "shop.event": ("INCLUDE", "DEFINITION"), "shop.event_24": ("INCLUDE", "DEFINITION"),
    }  # fmt: skip
    assert not criteria_change.preview(pair.source, pair.copy, rules).refusals
    assert criteria.unmirrored(pair.source) == set()
    assert one(pair.source, "select count(*) from mwa.criteria") == 0


def test_what_others_need_cannot_be_left_out_alone(pair):
    def refusals(*rules: Rule) -> list[str]:
        return [why.split(",")[0] for why in criteria_change.preview(pair.source, pair.copy, rules).refusals]

    assert refusals(Rule("EXCLUDE", "shop", "table", "item")) == [
        "table shop.line needs table shop.item", "view shop.items needs table shop.item",
    ]  # fmt: skip
    assert refusals(Rule("DEFINITION", "shop", "table", "item")) == ["table shop.line needs table shop.item"]
    assert refusals(Rule("EXCLUDE", "shop", "type", "mood")) == [
        "table shop.item needs type shop.mood", "view shop.items needs type shop.mood",
    ]  # fmt: skip
    assert refusals(Rule("EXCLUDE", "shop", "function", "twice")) == [
        "table shop.item needs function shop.twice(integer)",
        "table shop.line needs function shop.twice(integer)",
    ]
    assert refusals(Rule("EXCLUDE", "shop")) == []


def test_definitions_of_what_is_excluded_do_not_travel(pair):
    activate(pair, Rule("EXCLUDE", "shop", "table", "log"), Rule("EXCLUDE", "shop", "function"))
    pair.each(
        "create table shop.log (id int primary key)",
        "create function shop.f() returns int language sql as 'select 1'",
        "alter table shop.log add column n int",
        "create index on shop.log (n)",
        "comment on table shop.log is 'x'",
        "alter function shop.f() rename to g",
        "drop function shop.g()",
        "create table shop.other (id int primary key)",
    )
    pair.caught_up()
    assert not pair.failures()
    assert there(pair.copy, "shop.other") and not there(pair.copy, "shop.log")
    pair.each("drop table shop.log")
    pair.caught_up()
    assert [s for s in pair.statements() if "log" in s] == []
    pair.assert_known()


def test_what_is_included_later_comes_with_all_that_it_needs(pair):
    activate(pair, Rule("EXCLUDE", "late"))
    pair.each(
        "create schema late",
        "create view late.z as select 1 as x",
        "create type late.a as (x int)",
        "create table late.t (id serial primary key, a late.a, b late.a[])",
        "create view late.b as select t.*, z.x from late.t, late.z",
        "create function late.aa() returns setof late.b language sql begin atomic select * from late.b; end",
        "create table late.m (id int references late.t)",
        "create materialized view late.c as select * from late.aa()",
    )
    pair.caught_up()
    assert not there(pair.copy, "late.t")
    found = criteria_change.preview(pair.source, pair.copy, [])
    assert not found.refusals and {each.effect.split(";")[0] for each in found.changes} == {
        "is made on the secondary"
    }
    activate(pair)
    pair.assert_same()
    pair.assert_known()
    activate(pair)  # twice is harmless
    pair.assert_same()


def test_an_object_that_differs_on_both_nodes_is_refused(pair):
    activate(pair, Rule("EXCLUDE", "shop", "view", "items"))
    pair.each("create or replace view shop.items as select *, 1 as more from shop.item")
    pair.caught_up()
    [refusal] = criteria_change.preview(pair.source, pair.copy, []).refusals
    assert refusal.startswith("view shop.items is on both nodes, and differs")
    pair.each("drop view shop.items; create view shop.items as select * from shop.item")
    found = criteria_change.preview(pair.source, pair.copy, [])
    assert not found.refusals
    assert found.changes[0].effect == "is the same on both nodes, and followed from now on"
    activate(pair)
    pair.assert_arrive(["alter view shop.items rename to goods"])


def test_every_kind_of_object_that_both_nodes_have_alike_is_found_alike(pair):
    """The source is PostgreSQL 16, the copy 18: the same is told in the same words."""
    activate(pair, Rule("EXCLUDE"))
    found = criteria_change.preview(pair.source, pair.copy, [])
    assert found.refusals == []
    assert len(found.changes) >= 10


def test_a_rename_into_an_excluded_name_is_carried_and_out_of_it_makes_the_object(pair):
    activate(pair, Rule("EXCLUDE", "shop", "table", "log"))
    pair.each("create table shop.log (id int primary key, n int)", "alter table shop.note rename to old")
    pair.caught_up()
    pair.each(
        "alter table shop.log rename to kept",
        "alter table shop.old rename to log",
        "alter table shop.log add column x int",
    )
    pair.caught_up()
    assert not pair.failures()
    assert there(pair.copy, "shop.kept") and there(pair.copy, "shop.log")
    assert not one(
        pair.copy,
        "select exists (select from pg_attribute where attrelid = 'shop.log'::regclass and attname = 'x')",
    )
    assert criteria.unmirrored(pair.source) == {
        ("shop", "log"),
        ("shop", "note_id_seq"),
        ("shop", "log_pkey"),
    } - {("shop", "log_pkey")}


def test_a_rule_can_be_about_every_type_that_travels_but_schemas_and_what_belongs_to_the_server():
    always = {
        "schema", "role", "role membership", "tablespace", "database", "database setting", "role setting",
        "parameter privilege", "system setting",
    }  # fmt: skip
    described = {*support.described()} - {"enum", "composite type", "domain", "range", "base type"} | {"type"}
    compared = {kind.object_type.lower() for kind in KINDS} - {"unlogged table"}  # which is a table
    assert {*criteria.IN_SCHEMAS, *criteria.ELSEWHERE} == (described | compared) - always


@pytest.mark.parametrize(
    ("rule", "needed"),
    [
        (Rule("EXCLUDE", "s", "tabel"), "type is 'tabel', needed in a schema is one of aggregate"),
        (Rule("EXCLUDE", "", "table"), "type is 'table', needed without a schema is one of access method"),
        (Rule("EXCLUDE", "s", "", "x"), "name is 'x' without a type, needed is the type"),
        (
            Rule("DEFINITION", "s", "view"),
            "DEFINITION for type 'view', which has no contents; needed is one of table",
        ),
    ],
)
def test_a_rule_that_nothing_could_match_is_refused(rule, needed):
    with pytest.raises(BadRule, match=re.escape(needed)):
        rule.check()
