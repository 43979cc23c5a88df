"""The replication criteria list of a pair in its migration and in the mirror: from the rule to both nodes."""

import pytest
from django.core.exceptions import ValidationError

from nodes.models import CriteriaChange, CriteriaRule
from nodes.postgres.connect import connect, one
from tests.engine_swap import approved, ended
from tests.mirror import content
from tracking.models import CompareRun, DefinitionEntry, Job
from tracking.restore.inspect import inspect

BEGIN = """
    create table account (id int primary key, n int not null default 0);
    insert into account select i, 0 from generate_series(1, 20) i;
    create table log (at int, what text);
    create index log_at on log (at);
    comment on index log_at is 'x';
    create statistics log_st on at, what from log;
    insert into log select i, 'x' from generate_series(1, 30) i;
    create table draft (id serial primary key, account int references account, n int);
    insert into draft (account, n) select i, i from generate_series(1, 10) i;
    create view logged as select * from log;
    create materialized view counted as select count(*) from account;
    create schema old;
    create table old.thing (id int primary key);
    create function old.f() returns int language sql as 'select 1'
"""
EXCLUDED = [
    ("EXCLUDE", "public", "table", "log"), ("EXCLUDE", "public", "view", "logged"),
    ("EXCLUDE", "old", "", ""),
    ("DEFINITION", "public", "table", "draft"), ("DEFINITION", "public", "materialized view", "counted"),
]  # fmt: skip


def propose(engine, *rules, label="x") -> CriteriaChange:
    for inclusion, schema, object_type, name in rules:
        change = CriteriaRule(
            pool=engine.pool,
            inclusion=inclusion,
            schema=schema,
            object_type=object_type,
            name=name,
            label=label,
        ).add("olga")
    return change


def remove(engine, *, label="x", **about) -> CriteriaChange:
    for rule in CriteriaRule.objects.filter(state="ACTIVE", **about):
        rule.remove(label, "olga")
    return CriteriaChange.objects.get(label=label)


def commit(engine, change: CriteriaChange) -> None:
    change.commit("olga")
    engine.until("the commit", lambda: not CriteriaChange.objects.filter(pk=change.pk).exists())


def refused(engine, change: CriteriaChange) -> str:
    change.commit("olga")
    engine.until(
        "the refusal", lambda: CriteriaChange.objects.filter(pk=change.pk).exclude(failure="").exists()
    )
    assert not CriteriaChange.objects.get(pk=change.pk).commit_asked
    return CriteriaChange.objects.get(pk=change.pk).failure


def relations(node) -> set[str]:
    rows = node.execute(
        "select oid::regclass::text from pg_class where relnamespace::regnamespace::text in ('public', 'old')"
        " and relkind in ('r', 'v', 'm')"
    )
    return {row[0] for row in rows.fetchall()}


def published(engine) -> set[str]:
    rows = engine.database.source.execute(
        "select tablename::text from pg_publication_tables where pubname = 'mwa' and schemaname <> 'mwa'"
    )
    return {row[0] for row in rows.fetchall()}


@pytest.fixture
def pair(engine):
    engine.database.source.execute(BEGIN)
    return engine


@pytest.fixture
def replicating(pair):
    pair.migrate()
    return pair


def test_a_system_migration_leaves_out_what_its_rules_exclude(pair):
    propose(pair, *EXCLUDED).commit("olga")
    pair.migrate()
    copy = pair.database.copy
    assert relations(copy) == {"account", "draft", "counted"}
    assert one(copy, "select count(*) from draft") == 0
    assert one(copy, "select relispopulated from pg_class where relname = 'counted'") is False
    assert one(copy, "select to_regprocedure('old.f()') is null")
    assert published(pair) == {"account"}
    pair.application(
        "insert into log values (99); insert into draft values (99); insert into account values (99)"
    )
    pair.application(
        "alter table draft add column x int; alter table log add column x int; drop function old.f()"
    )
    there = "select exists (select from pg_attribute where attrelid = 'draft'::regclass and attname = 'x')"
    pair.until("the definition", lambda: one(copy, there))
    pair.until("the rows", lambda: one(copy, "select count(*) from account") == 21)
    assert one(copy, "select count(*) from draft") == 0
    assert one(copy, "select last_value from draft_id_seq") == 1
    compare = CompareRun.request(pair.pool)
    pair.until("the compare", lambda: CompareRun.objects.get(pk=compare.pk).ended_at)
    assert [str(result) for result in compare.results.all()] == ["public.account: EQUAL"]
    assert not DefinitionEntry.objects.exists()


def test_a_migration_whose_rules_cannot_be_kept_says_so_and_waits_for_better_ones(pair):
    change = propose(pair, ("EXCLUDE", "public", "table", "log"))
    change.commit("olga")
    pair.start()
    pair.ask("SYNC")
    why = "view logged needs table public.log"
    pair.until("the reason", pair.pair.messages.filter(text__contains="needs table public.log").exists)
    assert relations(pair.database.copy) == set(), why
    propose(pair, ("EXCLUDE", "public", "view", "logged"), label="y").commit("olga")
    pair.until_state("ACTIVE", "REPLICATING")
    assert "log" not in relations(pair.database.copy)


def test_a_rule_takes_a_mirrored_table_out_and_its_removal_brings_it_back(replicating):
    source, copy = replicating.database.source, replicating.database.copy
    change = propose(
        replicating, ("EXCLUDE", "public", "table", "log"), ("EXCLUDE", "public", "view", "logged")
    )
    replicating.until("the preview", lambda: CriteriaChange.objects.get().preview)
    preview = CriteriaChange.objects.get().preview
    assert preview["refusals"] == []
    assert {(each["identity"], each["after"]) for each in preview["changes"]} == {
        ("public.log", "EXCLUDE"), ("public.logged", "EXCLUDE"), ("public.log_st", "EXCLUDE"),
    }  # fmt: skip
    assert published(replicating) == {"account", "log", "draft", "thing"}
    commit(replicating, change)
    assert published(replicating) == {"account", "draft", "thing"}
    assert (
        one(source, "select relreplident from pg_class where relname = 'log'") == "d"
    )  # as it was before us
    replicating.application("insert into log values (99); insert into account values (99)")
    replicating.until("the row", lambda: one(copy, "select count(*) from account") == 21)
    assert one(copy, "select count(*) from log") == 30

    assert "rows differ" in refused(replicating, remove(replicating))
    copy.execute("set default_transaction_read_only = off; truncate log")
    commit(replicating, CriteriaChange.objects.get())
    replicating.until_equal()
    replicating.until("the table", lambda: "log" in published(replicating))
    replicating.application("insert into log values (100)")
    replicating.until_equal()
    assert content(copy)["public.log"] and not CriteriaRule.objects.exists()


def test_what_was_left_out_of_the_migration_comes_later_with_its_rows(pair):
    propose(pair, *EXCLUDED).commit("olga")
    pair.migrate()
    commit(pair, remove(pair))
    pair.until_state("ACTIVE", "REPLICATING")
    pair.until_equal()
    assert relations(pair.database.copy) == relations(pair.database.source)
    assert one(pair.database.copy, "select obj_description('log_at'::regclass)") == "x"
    pair.until(
        "the function", lambda: one(pair.database.copy, "select to_regprocedure('old.f()') is not null")
    )
    assert not DefinitionEntry.objects.exists()


def test_a_rule_that_others_would_miss_is_refused_and_changes_nothing(replicating):
    why = refused(replicating, propose(replicating, ("EXCLUDE", "public", "table", "account")))
    assert "table public.draft needs table public.account" in why
    assert "account" in published(replicating)
    assert CriteriaRule.objects.get().state == "PENDING ADD"


def test_rules_are_committed_in_a_pause_and_hold_when_it_ends(replicating):
    replicating.ask("PAUSED")
    replicating.until_state("TRACKING", "SUSPENDED", 212)
    replicating.until("the stream's end", Job.objects.filter(kind="CAPTURE").exists)
    replicating.application("update draft set n = 7; update log set what = 'y'")
    change = propose(replicating, ("DEFINITION", "public", "table", "draft"))
    commit(replicating, change)
    replicating.application("alter table draft add column x int; update draft set n = 8")
    replicating.ask("SYNC")
    replicating.until_state("ACTIVE", "REPLICATING")
    copy = replicating.database.copy
    assert one(copy, "select count(*) from log where what = 'y'") == 30
    assert (
        one(copy, "select count(*) from draft where n in (7, 8) and x is null") <= 2
    )  # those that were so before


def test_rules_of_a_schema_go_along_when_it_is_renamed(replicating):
    commit(replicating, propose(replicating, ("EXCLUDE", "old", "", "")))
    replicating.application("alter schema old rename to older")
    replicating.until("the rule", CriteriaRule.objects.filter(schema="older").exists)
    replicating.application(
        "create table older.more (id int primary key); create table last (id int primary key)"
    )
    replicating.until("the table", lambda: "last" in relations(replicating.database.copy))
    assert one(replicating.database.copy, "select to_regclass('older.more') is null")
    assert "more" not in published(replicating)


def test_after_a_role_swap_the_same_is_left_out_on_the_way_back(replicating):
    commit(replicating, propose(replicating, ("DEFINITION", "public", "table", "draft")))
    assert ended(replicating, approved(replicating)) == ("COMPLETE", "")
    replicating.reconnect()
    copy, source = replicating.database.copy, replicating.database.source
    copy.execute("insert into draft values (500, 1); insert into account values (500)")
    replicating.until("the row", lambda: one(source, "select count(*) from account where id = 500") == 1)
    assert one(source, "select count(*) from draft where id = 500") == 0


def test_no_rule_is_committed_while_a_role_swap_waits_for_approval(replicating):
    change = propose(replicating, ("DEFINITION", "public", "table", "draft"))
    approved(replicating, approve=False)
    with pytest.raises(ValidationError, match="role swap of pair moving is open"):
        change.commit("olga")


def test_a_commit_that_was_killed_between_nodes_and_portal_is_done_once_more(replicating):
    replicating.stop()
    propose(
        replicating, ("EXCLUDE", "public", "table", "log"), ("EXCLUDE", "public", "view", "logged")
    ).commit("olga")
    replicating.killed_after("nodes.postgres.criteria_change.activate")
    assert CriteriaChange.objects.get().commit_asked
    replicating.start()
    replicating.until("the commit", lambda: not CriteriaChange.objects.exists())
    assert {rule.state for rule in CriteriaRule.objects.all()} == {"ACTIVE"}
    replicating.until("the table to leave", lambda: "log" not in published(replicating))


def test_a_table_that_is_renamed_into_a_rule_leaves_the_stream_and_comes_back_by_another_name(replicating):
    source, copy = replicating.database.source, replicating.database.copy
    commit(replicating, propose(replicating, ("EXCLUDE", "public", "table", "private")))
    replicating.application("create table made (id int primary key); insert into made values (1)")
    replicating.until("the table to join", lambda: "made" in published(replicating))
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.application("alter table made rename to private")
    replicating.until("it to leave", lambda: "private" not in published(replicating))
    replicating.application("insert into private values (2); alter table private add column n int")
    copy.execute("set default_transaction_read_only = off")
    replicating.until("the rename", lambda: "private" in relations(copy))
    copy.execute("drop table private")
    replicating.application("alter table private rename to public_again")
    replicating.until("it to join", lambda: "public_again" in published(replicating))
    replicating.until_equal()
    assert one(source, "select count(*) from public_again") == 2


def test_large_objects_that_are_excluded_stay_away(replicating):
    commit(replicating, propose(replicating, ("EXCLUDE", "", "large object", "")))
    replicating.application("select lo_from_bytea(0, 'x'); create table last (id int primary key)")
    with (
        connect(replicating.database.source_conninfo, "a") as a,
        connect(replicating.database.copy_conninfo, "b") as b,
    ):
        assert [each for each in inspect(a, b) if each.object_type == "LARGE OBJECT"] == []


def test_before_the_migration_begins_a_preview_is_made_that_leaves_nothing_on_the_nodes(pair):
    pair.start()
    propose(pair, *EXCLUDED, ("EXCLUDE", "public", "table", "account"))
    pair.until("the preview", lambda: CriteriaChange.objects.get().preview)
    preview = CriteriaChange.objects.get().preview
    effects = {each["identity"]: each["effect"] for each in preview["changes"]}
    assert effects["public.log"] == "is not made on the copy"
    assert effects["public.draft"] == "comes without its contents"
    assert any("draft needs table public.account" in why for why in preview["refusals"])
    source = pair.database.source
    assert one(source, "select to_regnamespace('mwa') is null")
    assert source.execute("select evtname from pg_event_trigger").fetchall() == []
    pair.until("the end of it", lambda: not pair.pool.criteria_asked)
