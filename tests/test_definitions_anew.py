"""What PostgreSQL, or an application, makes anew: with its comment and state, and without disturbing what needs it."""

from dataclasses import replace

import pytest

from nodes.postgres.connect import one
from tests.definitions import followed
from tracking.models import DefinitionEntry

CHANGES = {
    "a referenced key whose type changes": (
        """create table a (id int primary key, n int constraint u unique); create index i on a (lower(n::text));
        cluster a using i; create table b (id int constraint fk references a, n int references a (n));
        comment on constraint fk on b is 'fk'; comment on index i is 'i'; comment on constraint u on a is 'u'""",
        ["alter table a alter id type bigint", "alter table a alter n type bigint", "alter table b alter id type bigint",
         "alter table b alter constraint fk deferrable", "drop table b", "drop table a"],
    ),
    "a check made again": (
        """create table a (id int primary key, n int constraint c check (n > 0)); comment on constraint c on a is 'x';
        create domain d as int constraint c check (value > 0); comment on constraint c on domain d is 'x'""",
        ["alter table a drop constraint c, add constraint c check (n > 1)", "comment on constraint c on a is 'y'",
         "alter table a alter n type bigint",
         "alter domain d drop constraint c; alter domain d add constraint c check (value > 2)"],
    ),
    "triggers, rules and policies": (
        """create table a (id int primary key); create function f() returns trigger language plpgsql as 'begin return new; end';
        create trigger t before insert on a for each row execute function f(); comment on trigger t on a is 'x';
        create constraint trigger k after insert on a for each row execute function f(); alter table a disable trigger k;
        comment on trigger k on a is 'k'; create policy p on a using (id > 1); comment on policy p on a is 'p';
        create rule r as on delete to a do instead nothing; comment on rule r on a is 'r'""",
        ["create or replace trigger t before update on a for each row execute function f()",
         "drop trigger k on a; create constraint trigger k after update on a for each row execute function f();"
         " alter table a disable trigger k; comment on trigger k on a is 'k'",
         "alter policy p on a using (id > 2)", "create or replace rule r as on delete to a do also select 1"],
    ),
    "members of an extension": (
        "create extension vector; create function f() returns int language sql return 1; create aggregate g(int) (sfunc = int4pl, stype = int)",
        ["alter extension vector add function f()", "alter extension vector add aggregate g(int)",
         "alter extension vector drop function f()", "alter function f() rename to h", "alter extension vector drop aggregate g(int)",
         "drop extension vector", "drop function h()"],
    ),
    "columns of the system's tables": (
        "create table a (id int primary key)",
        ["grant select (relname, relkind) on pg_class to public", "revoke select (relkind) on pg_class from public",
         "revoke select (relname) on pg_class from public"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "statements"), CHANGES.values(), ids=CHANGES)
def test_what_is_made_anew_arrives_with_all_that_hangs_on_it(database, before, statements):
    with followed(database, before) as pair:
        pair.assert_arrive(statements)


@pytest.mark.parametrize(("before", "statements"), CHANGES.values(), ids=CHANGES)
def test_what_was_made_anew_in_a_pause_arrives_after_it(database, before, statements):
    with followed(database, before) as pair:
        pair.assert_arrive_after_a_pause(statements)


def test_a_referenced_key_that_becomes_of_another_type_comes_with_those_that_point_to_it(engine):
    engine.database.source.execute(
        "create table a (id int primary key); create table b (id int primary key, a int references a);"
        " create table c (id int references b); insert into a select generate_series(1, 20);"
        " insert into b select i, i from generate_series(1, 20) i; insert into c values (1)"
    )
    engine.migrate()
    engine.application(
        "alter table a alter id type bigint; insert into a values (21); insert into b values (21, 21)"
    )
    kind = "select format_type(atttypid, null) from pg_attribute where attrelid = 'a'::regclass and attname = 'id'"
    engine.until("the type", lambda: one(engine.database.copy, kind) == "bigint")
    engine.until_state("ACTIVE", "REPLICATING")
    engine.until_equal()
    assert not DefinitionEntry.objects.exists()


def test_an_identity_that_a_newer_version_does_not_know_stands_on_the_list(database):
    before = (
        "create table p (id int not null, n int not null) partition by range (id);"
        " create table q partition of p for values from (0) to (10)"
    )
    with followed(database, before) as pair:
        pair.application("alter table q alter n add generated always as identity")
        pair.caught_up()
        [failure] = pair.failures()
        assert "cannot add identity to a column of a partition" in failure


def test_what_a_not_null_is_called_arrives_where_it_has_a_name(databases):
    """From version 18 on: between two databases of the newer server."""
    one_, other = databases(), databases()
    both = replace(
        one_,
        source_conninfo=one_.copy_conninfo,
        source=one_.copy,
        copy_conninfo=other.copy_conninfo,
        copy=other.copy,
    )
    named = """
        select conrelid::regclass::text, conname::text, obj_description(oid, 'pg_constraint')
        from pg_constraint where contype = 'n' and conrelid = 'a'::regclass order by 1, 2
    """
    with followed(both, "create table a (id int primary key, n int not null)") as pair:
        for statement in (
            "alter table a rename constraint a_n_not_null to there", "comment on constraint there on a is 'x'",
            "alter table a add column m int constraint mine not null, add column o int",
            "alter table a alter o set not null", "alter table a rename to b; alter table b rename to a",
            "alter table a drop constraint mine", "comment on constraint there on a is null",
            "alter table a rename constraint there to a_n_not_null",
        ):  # fmt: skip
            pair.application(statement)
            pair.assert_same()
            assert pair.copy.execute(named).fetchall() == pair.source.execute(named).fetchall()
        pair.assert_known()
