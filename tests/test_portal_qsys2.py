"""The views of IBM i's names: what they say of a pair in each of its states, and who may read them."""

import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from mwaportal.access import Viewer
from mwaportal.portaldb import portal_conninfo
from nodes import properties, status, system_criteria
from nodes.models import Pair
from nodes.postgres.connect import connect
from tests.portal import make_copies, make_history, make_pair, make_synchronizing_pair, propose
from tests.qsys2 import COLUMNS, bring, make_root, on_sheet, owe, read, track
from tracking import exports, qsys2
from tracking.models import DefinitionEntry, MigratedObject, OtherObject, TableCopy, set_state
from tracking.pages import PAGES, PairView, context

pytestmark = pytest.mark.django_db
QSYS2 = Path(qsys2.__file__).parent


def entries(pair: Pair) -> dict[str, SimpleNamespace]:
    return {row.entry_type: row for row in read("migration_manager_info") if row.pair_name == pair.name}


# What there is


@pytest.mark.parametrize("view", exports.VIEWS)
def test_a_view_has_these_columns_and_each_says_what_it_is(view):
    with connection.cursor() as cursor:
        cursor.execute(
            "select attname, col_description(attrelid, attnum), obj_description(attrelid, 'pg_class')"
            " from pg_attribute where attrelid = %s::regclass and attnum > 0 order by attnum",
            (f"qsys2.{view}",),
        )
        found = cursor.fetchall()
    assert [name for name, _, _ in found] == COLUMNS[view].split()
    assert all(column and of_view for _, column, of_view in found)


def test_these_are_all_views_there_are():
    with connection.cursor() as cursor:
        cursor.execute("select relname from pg_class where relnamespace = 'qsys2'::regnamespace")
        assert {name for (name,) in cursor.fetchall()} == set(exports.VIEWS) == set(COLUMNS)


@pytest.mark.parametrize("view", exports.VIEWS)
def test_a_portal_without_pairs_has_empty_views(view):
    assert read(view) == []


# The manager


def test_a_pair_that_was_only_defined_is_not_configured():
    rows = entries(make_pair())
    assert list(rows) == ["MIGRATION MANAGER", "OBJECT MIRROR", "OBJECT RESTORE", "IFS RESTORE"]
    for row in rows.values():
        assert (row.source_node_state, row.copy_node_state) == ("NOT CONFIGURED", "NOT CONFIGURED")
        assert (row.migration_phase, row.qualified_job_name) == (None, None)
        assert (row.source_node, row.copy_node, row.primary_node) == ("old-shop", "new-shop", "old-shop")
    assert rows["MIGRATION MANAGER"].migration_stage == "SYSTEM MIGRATION"
    assert rows["MIGRATION MANAGER"].migration_phase_detail == "IDLE"
    ifs = rows["IFS RESTORE"]
    assert (ifs.migration_stage, ifs.migration_phase_detail) == (None, None)
    assert ifs.migration_detail_info_text == "this pair has no file roots"


def test_a_pair_without_a_database_has_its_rows_too():
    assert len(entries(make_pair(databases=()))) == 4


def test_a_pair_that_replicates_is_active_on_both_nodes():
    pair = make_synchronizing_pair()
    pair.take_lease("host:1:mark", 60)
    on_sheet(pair.pools.get(), 4)
    rows = entries(pair)
    manager = rows["MIGRATION MANAGER"]
    assert (manager.source_node_state, manager.copy_node_state) == ("ACTIVE", "ACTIVE")
    assert (manager.migration_stage, manager.migration_phase) == ("DATA SYNCHRONIZATION", "SYNC")
    assert (manager.migration_phase_detail, manager.migration_detail_info_text) == ("ACTIVE", None)
    assert (manager.qualified_job_name, manager.migration_interval_count) == ("host:1:mark", None)
    assert rows["OBJECT MIRROR"].migration_detail_info_text == "nothing is owed"
    assert rows["OBJECT MIRROR"].migration_interval_count == 3
    assert rows["OBJECT RESTORE"].migration_detail_info_text == "nothing waits"
    assert rows["IFS RESTORE"].source_node_state == "NOT CONFIGURED"


def test_an_engine_whose_lease_has_run_out_is_no_job():
    pair = make_synchronizing_pair()
    pair.take_lease("host:1:mark", -1)
    assert entries(pair)["MIGRATION MANAGER"].qualified_job_name is None


def test_node_states_follow_the_nodes_through_a_role_swap():
    pair = make_synchronizing_pair()
    set_state(pair.pools.get(), "TRACKING", "SUSPENDED", 212)
    row = entries(pair)["OBJECT MIRROR"]
    assert (row.source_node_state, row.copy_node_state) == ("ACTIVE", "NOT ACTIVE")
    Pair.objects.update(swapped=True)
    row = entries(pair)["OBJECT MIRROR"]
    assert (row.source_node_state, row.copy_node_state) == ("NOT ACTIVE", "ACTIVE")
    assert (row.source_node, row.copy_node, row.primary_node) == ("old-shop", "new-shop", "new-shop")


def test_a_pair_with_one_database_behind_is_not_active():
    pair = make_pair(databases=("shop", "billing"))
    set_state(pair.pools.first(), "ACTIVE", "REPLICATING")
    row = entries(pair)["MIGRATION MANAGER"]
    assert (row.source_node_state, row.copy_node_state) == ("NOT ACTIVE", "NOT ACTIVE")


def test_the_four_rows_say_what_the_page_says():
    """Whatever stage, phase, detail and trouble: the words of nodes/status.py are written twice."""
    pair = make_pair(databases=("shop", "billing"))
    first, second = pair.pools.all()
    for phase, _ in status.PHASE.choices:
        for letter, _ in status.PHASE_DETAIL.choices:
            Pair.objects.update(phase=phase, phase_detail=letter, detail_text="so it is")
            same_as_page(pair)
    Pair.objects.update(phase="SYNC", phase_detail="A", detail_text="")
    for reason in status.REASONS:
        set_state(first, "TRACKING", "SUSPENDED", reason)
        same_as_page(pair)
        set_state(second, "TRACKING", "SUSPENDED", 266)
        same_as_page(pair)
        set_state(second, "ACTIVE", "REPLICATING")
    track(first, "orders", changes=1_234_567)
    track(first, "orders", sheet=2, changes=1)
    track(second, "bills", changes=0, whole="its definition was changed")
    track(second, "quiet", changes=0)
    make_history(pair)
    same_as_page(pair)
    root = make_root(pair)
    for reason in status.REASONS:
        set_state(root, "TRACKING", "SUSPENDED", reason)
        same_as_page(pair)
    set_state(root, "ACTIVE", "REPLICATING")
    owe(root, b"one")
    same_as_page(pair)
    owe(root, b"two")
    same_as_page(pair)


def same_as_page(pair: Pair) -> None:
    shown = context(PAGES[""], PairView(Pair.objects.get(pk=pair.pk), Viewer()))
    rows = list(entries(pair).values())
    assert rows[0].migration_stage == shown["stands"].stage.value
    for row, on_page in zip(rows, shown["phases"], strict=True):
        assert row.migration_phase == ((on_page.phase and on_page.phase.value) or None)
        assert row.migration_phase_detail == (on_page.detail and on_page.detail.label.upper())
        assert (row.migration_detail_info_text or "") == on_page.text


@pytest.mark.parametrize("goal", [goal for goal, _ in Pair.Goal.choices])
def test_what_is_pending_is_what_the_pair_says(goal):
    pair = make_pair()
    for phase, _ in status.PHASE.choices:
        Pair.objects.update(goal=goal, phase=phase)
        pending = Pair.objects.get(pk=pair.pk).pending_phase
        assert (entries(pair)["MIGRATION MANAGER"].pending_migration_phase or "") == pending


# The lists


def test_the_list_holds_definitions_other_objects_and_tables_together():
    pair = make_synchronizing_pair()
    pool = pair.pools.get()
    failed = {"state": "FAILED", "failure": "type mood is missing", "schema_name": "public"}
    DefinitionEntry.objects.create(
        pool=pool, number=1, command="CREATE VIEW", object_type="view", identity='public."To day"', **failed
    )
    DefinitionEntry.objects.create(pool=pool, number=2, command="CREATE SCHEMA", identity="sales")
    DefinitionEntry.objects.create(pool=pool, number=3, command="CREATE ROLE", done_at=timezone.now())
    OtherObject.objects.create(
        pool=pool, object_type="LARGE OBJECT", name="4711", change="missing", state="READY", size=2_000
    )
    OtherObject.objects.create(
        pool=pool, object_type="ROLE", name="gone", change="missing", state="READY", done_at=timezone.now()
    )
    TableCopy.objects.create(pool=pool, schema="public", name="Orders", state="COPIED", bytes_total=8_192)
    track(pool, "Orders", at=timezone.now() - timedelta(hours=1))
    track(pool, "Orders", sheet=2)
    track(pool, "quiet", changes=0)
    on_sheet(pool, 2)
    rows = read("library_migration_list", "order by tracking_list, initial_tracking_time")
    assert [
        (r.tracking_list, r.library_name, r.object_name, r.object_type, r.tracking_state) for r in rows
    ] == [
        ("LTL", "public", '"To day"', "view", "FAILED"),
        ("LTL", None, "sales", "", "INELIGIBLE"),
        ("LTL", None, "4711", "large object", "READY"),
        ("OTL", "public", '"Orders"', "table", "READY"),
    ]
    assert rows[0].failure_message == "type mood is missing"
    assert [row.object_size for row in rows] == [None, None, 2_000, 8_192]
    assert [row.change for row in rows] == ["CREATE VIEW", "CREATE SCHEMA", "missing", None]
    assert timezone.now() - rows[3].initial_tracking_time > timedelta(minutes=59)
    assert {(row.pair_name, row.database_name) for row in rows} == {("shop", "shop")}
    assert {(row.failure_job_name, row.migration_start_time) for row in rows} == {(None, None)}


def test_a_table_is_migrating_while_its_sheet_is_worked_off_and_failed_when_that_failed():
    pool = make_synchronizing_pair().pools.get()
    track(pool, "old")
    track(pool, "new", sheet=2)
    on_sheet(pool, 2)
    set_state(pool, "ACTIVE", "SYNCHRONIZING")
    by_name = {row.object_name: row for row in read("library_migration_list")}
    assert (by_name["old"].tracking_state, by_name["new"].tracking_state) == ("MIGRATING", "READY")
    assert (by_name["old"].migration_start_time, by_name["new"].migration_start_time) == (pool.since, None)
    set_state(pool, "TRACKING", "SUSPENDED", 9070, "table old is locked")
    by_name = {row.object_name: row for row in read("library_migration_list")}
    assert (by_name["old"].tracking_state, by_name["new"].tracking_state) == ("FAILED", "READY")
    assert (by_name["old"].failure_message, by_name["new"].failure_message) == ("table old is locked", None)
    assert by_name["old"].migration_start_time is None
    resync = {row.system_object_name: row.failure_message for row in read("resync_status")}
    assert resync == {"old": "table old is locked", "new": None}


def test_a_table_is_on_the_list_before_anything_was_captured():
    track(make_pair().pools.get(), "orders", changes=0, whole="it is new")
    [row] = read("library_migration_list")
    assert (row.tracking_list, row.object_name, row.tracking_state) == ("OTL", "orders", "READY")


def test_every_state_of_the_list_is_one_of_the_vocabulary():
    pool = make_synchronizing_pair().pools.get()
    for number, (state, _) in enumerate(status.TRACKING_STATE.choices):
        DefinitionEntry.objects.create(pool=pool, number=number, command="ALTER TYPE", state=state)
    found = {row.tracking_state for row in read("library_migration_list")}
    assert found == {state for state, _ in status.TRACKING_STATE.choices}
    literals = re.findall(r"(?:then|else) '([A-Z]+)'", (QSYS2 / "lists.sql").read_text())
    assert literals and set(literals) <= found


def test_what_was_migrated_has_one_row_per_object():
    pair = make_pair()
    pool = pair.pools.get()
    make_copies(pool, 4)  # 0 and 1 are copied, 2 is being copied, 3 waits
    now = timezone.now()
    first = {"pool": pool, "tracked_at": now, "ended_at": now, "schema_name": "public"}
    MigratedObject.objects.create(object_type="table", identity="public.orders_1", count=2, **first)
    MigratedObject.objects.create(object_type="table", identity="public.later", count=1, **first)
    MigratedObject.objects.create(object_type="function", identity="public.f(integer)", count=7, **first)
    rows = {row.object_name: row for row in read("migrated_library")}
    assert {name: (row.object_type, row.successful_migration_count) for name, row in rows.items()} == {
        "orders_0": ("table", 1), "orders_1": ("table", 3), "later": ("table", 1),
        "f(integer)": ("function", 7),
    }  # fmt: skip
    copied, once, both = TableCopy.objects.get(name="orders_0"), rows["orders_0"], rows["orders_1"]
    assert once.migration_start_time == once.initial_tracking_time == copied.started_at
    assert once.migration_end_time == copied.ended_at
    assert both.migration_start_time is None
    assert both.initial_tracking_time == both.migration_end_time == now
    assert [rows[name].object_size for name in ("orders_0", "orders_1", "later")] == [80_000, 160_000, None]


def test_objects_of_the_same_name_in_two_databases_are_two():
    pair = make_pair(databases=("shop", "billing"))
    for pool in pair.pools.all():
        make_copies(pool, 1)
    assert {row.database_name for row in read("migrated_library")} == {"shop", "billing"}


def test_the_tracking_list_has_a_row_for_each_sheet():
    pool = make_synchronizing_pair().pools.get()
    track(pool, "orders")
    track(pool, "orders", sheet=2, changes=9, keys=0, whole="a truncate")
    rows = read("resync_status", "order by sheet")
    assert [(row.system_object_schema, row.system_object_name) for row in rows] == [("public", "orders")] * 2
    assert [(r.changes, r.keys, r.whole_reason) for r in rows] == [(5, 3, None), (9, 0, "a truncate")]
    nothing = {(r.member_name, r.suggested_priority, r.resync_endtime, r.failure_message) for r in rows}
    assert nothing == {(None, None, None, None)}


# The mirror


def mirror(pool) -> tuple[SimpleNamespace, SimpleNamespace]:
    rows = [row for row in read("mirror_info") if row.database_name == pool.database]
    primary, secondary = sorted(rows, key=lambda row: row.node_role)
    return primary, secondary


def test_each_node_answers_for_itself():
    pool = make_synchronizing_pair().pools.get()
    primary, secondary = mirror(pool)
    assert (primary.node_role, primary.node_name) == ("PRIMARY", "old-shop")
    assert (secondary.node_role, secondary.node_name) == ("SECONDARY", "new-shop")
    assert (primary.replication_state, primary.replication_detail) == ("ACTIVE", "REPLICATING")
    assert (secondary.replication_state, secondary.replication_detail) == ("ACTIVE", "READ-ONLY")
    for row in (primary, secondary):
        assert (row.iasp_name, row.asp_number, row.environment_type) == ("*SYSBAS", 1, "MIGRATION")
        assert (row.primary_node, row.secondary_node) == ("old-shop", "new-shop")
        assert (row.replication_detail_info, row.replication_detail_info_text) == (None, None)
        assert (row.auto_resume, row.parallel_degree, row.lag_bytes) == ("YES", 2, 2_400)


def test_a_pool_is_shown_with_its_own_properties_and_else_with_those_of_its_pair():
    pair = make_pair(databases=("shop", "billing"))
    first, second = pair.pools.all()
    properties.change(second, {"auto_resume": "False", "parallel_degree": "7"}, "olga")
    properties.change(pair, {"parallel_degree": "3"}, "olga")
    for pool, auto_resume, degree in ((first, "YES", 3), (second, "NO", 7)):
        assert {(row.auto_resume, row.parallel_degree) for row in mirror(pool)} == {(auto_resume, degree)}
    properties.change(pair, {"auto_resume": "False"}, "olga")
    properties.change(second, {"auto_resume": "True", "parallel_degree": ""}, "olga")
    for pool, auto_resume in ((first, "NO"), (second, "YES")):
        assert {(row.auto_resume, row.parallel_degree) for row in mirror(pool)} == {(auto_resume, 3)}


def test_a_suspended_pool_is_blocked_on_the_secondary_and_says_why():
    pool = make_synchronizing_pair().pools.get()
    set_state(pool, "TRACKING", "SUSPENDED", 266)
    Pair.objects.update(swapped=True, auto_resume=False)
    primary, secondary = mirror(pool)
    assert (primary.replication_state, secondary.replication_state) == ("TRACKING", "BLOCKED")
    assert (primary.node_name, secondary.node_name) == ("new-shop", "old-shop")
    for row in (primary, secondary):
        assert row.primary_node == "new-shop" and row.auto_resume == "NO"
        assert (row.replication_detail, row.replication_detail_info) == ("SUSPENDED", 266)
        assert row.replication_detail_info_text == status.REASONS[266]


def test_every_state_of_a_pool_is_shown_in_the_words_of_the_vocabulary():
    pool = make_pair(databases=("shop", "billing")).pools.last()
    states = {state for state, _ in status.REPLICATION_STATE.choices}
    details = {detail or None for detail, _ in status.REPLICATION_DETAIL.choices}
    for state in states:
        for detail in details:
            set_state(pool, state, detail or "")
            primary, secondary = mirror(pool)
            assert primary.iasp_name == "billing" and primary.asp_number == 2
            assert primary.replication_state == state
            assert secondary.replication_state == pool.secondary_state
            assert {primary.replication_detail, secondary.replication_detail} <= details


# The criteria


def test_a_rule_is_shown_in_each_of_its_states():
    pool = make_pair().pools.get()
    propose(pool, "EXCLUDE", "old").settle()
    propose(pool, "DEFINITION", "public", "table", 'Log"', label="autumn").settle()
    pool.criteria.get(schema="old").remove("spring", "olga")
    propose(pool, "INCLUDE", "", "large object").refuse("the secondary does not answer")
    rows = {row.rule_identifier: row for row in read("replication_criteria_info")}
    for rule in pool.criteria.all():
        row = rows[rule.pk]
        assert (row.apply_state, row.inclusion_state) == (rule.state, rule.inclusion)
        assert (row.library_name or "", row.object_type or "", row.object_name or "") == rule.rule.scope
        assert (row.iasp_name, row.pair_name, row.rule_source) == ("*SYSBAS", "shop", "USER")
        assert (row.removable, row.restricted, row.apply_label) == ("YES", "NO", rule.label or None)
        failed = "the secondary does not answer" if rule.label == "spring" else None
        assert row.failure_message == failed
    assert {row.apply_state for row in rows.values()} == {state for state, _ in status.APPLY_STATE.choices}
    assert "" not in {value for row in rows.values() for value in vars(row).values()}


def test_the_failure_of_another_pool_s_change_is_not_shown():
    first, second = make_pair(databases=("shop", "billing")).pools.all()
    propose(first, "EXCLUDE", "old").refuse("no")
    propose(second, "EXCLUDE", "old")
    rows = [row for row in read("replication_criteria_info") if row.rule_source == "USER"]
    assert {row.iasp_name: row.failure_message for row in rows} == {"*SYSBAS": "no", "billing": None}


def test_the_rules_of_the_system_are_those_that_the_page_shows():
    make_pair(databases=("shop", "billing"))
    rows = [row for row in read("replication_criteria_info") if row.rule_source == "SYSTEM"]
    expected = [
        (rule.number, rule.inclusion, iasp, rule.schema or None, rule.object_type or None,
         "YES" if rule.restricted else "NO")
        for rule, iasps in (
            (system_criteria.DEFAULT, ("*SYSBAS", "billing")),
            *((rule, (None,)) for rule in system_criteria.RESTRICTED),
        )
        for iasp in iasps
    ]  # fmt: skip
    found = [
        (row.rule_identifier, row.inclusion_state, row.iasp_name, row.library_name, row.object_type,
         row.restricted)
        for row in rows
    ]  # fmt: skip
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert {(row.apply_state, row.removable, row.object_name) for row in rows} == {("ACTIVE", "NO", None)}


def test_what_no_other_rule_is_about_is_as_the_pool_s_rule_says_while_it_is_in_force():
    pool = make_pair(databases=("shop", "billing")).pools.first()
    propose(pool, "EXCLUDE")
    defaults = {row.default_inclusion_state for row in read("mirror_info")}
    assert defaults == {"INCLUDE"}  # it is only pending
    pool.criteria_changes.get().settle()
    pool.criteria.get().remove("spring", "olga")  # which is only pending as well
    by_pool = {row.database_name: row.default_inclusion_state for row in read("mirror_info")}
    assert by_pool == {"shop": "EXCLUDE", "billing": "INCLUDE"}


# Who may read


def test_a_reader_sees_the_views_and_no_table():
    pair = make_synchronizing_pair()
    make_history(pair)
    make_copies(pair.pools.get(), 1)
    track(pair.pools.get(), "orders")
    root = make_root(pair)
    owe(root, b"carried")
    bring(root)
    owe(root, b"caf\xe9")
    with connection.cursor() as cursor:
        cursor.execute("select oid::regclass::text from pg_class where relnamespace = 'public'::regnamespace"
                       " and relkind in ('r', 'v', 'm', 'p')")  # fmt: skip
        tables = [name for (name,) in cursor.fetchall()]
        cursor.execute("revoke execute on all functions in schema qsys2 from public")
        cursor.execute("set local role mwa_reader")
        for view in exports.VIEWS:
            cursor.execute(f"select * from qsys2.{view}")
            assert cursor.fetchall() or view in ("migrated_library", "resync_status")
            assert "sesame" not in str(cursor.fetchall())
        cursor.execute(
            "select t, has_table_privilege(t, 'delete') or has_any_column_privilege(t, p)"
            " from unnest(%s::text[]) t, unnest('{select,insert,update}'::text[]) p",
            (tables,),
        )
        rights = cursor.fetchall()
        assert "nodes_node" in tables and len(rights) == 3 * len(tables) and not any(may for _, may in rights)
        cursor.execute("savepoint before")
        for forbidden in (
            "select conninfo from nodes_node",
            "select name from nodes_pair",
            "update qsys2.mirror_info set auto_resume = 'NO'",
            "create table qsys2.mine (n integer)",
        ):
            with pytest.raises(psycopg.Error), connection.cursor().connection.cursor() as raw:
                raw.execute(forbidden)
            cursor.execute("rollback to before")
        cursor.execute("reset role")


def test_no_connection_string_is_in_any_view():
    pair = make_synchronizing_pair()
    make_history(pair)
    make_copies(pair.pools.get(), 7)
    for view in exports.VIEWS:
        assert "sesame" not in "".join(exports.as_json(view))
    with connection.cursor() as cursor:
        cursor.execute(
            "select a.attname from pg_rewrite r join pg_depend d on d.objid = r.oid join pg_attribute a on"
            " a.attrelid = d.refobjid and a.attnum = d.refobjsubid where d.classid = 'pg_rewrite'::regclass"
            " and r.ev_class::regclass::text like 'qsys2.%' and d.refobjid = 'nodes_node'::regclass"
        )
        assert {name for (name,) in cursor.fetchall()} == {"id", "name"}


def test_a_role_that_may_not_create_roles_is_told_what_to_do():
    said = []
    with connect(portal_conninfo(), "test", autocommit=False, search_path="public") as session:
        session.add_notice_handler(lambda notice: said.append((notice.message_primary, notice.message_hint)))
        session.execute("set local client_min_messages = notice")
        session.execute("alter role mwa_reader rename to mwa_elsewhere")
        session.execute("drop schema qsys2 cascade")
        session.execute("create role mwa_plain")
        name = session.execute("select quote_ident(current_database())").fetchone()[0]
        session.execute(f"grant create on database {name} to mwa_plain")
        session.execute("set local role mwa_plain")
        for file in qsys2.FILES:
            session.execute((QSYS2 / file).read_text())
        assert session.execute("select to_regrole('mwa_reader')").fetchone() == (None,)
        [(message, hint)] = [each for each in said if "mwa_reader" in each[0]]
        assert "mwa_plain may not create it" in message
        session.execute("reset role")
        session.execute(hint)
        session.execute("set local role mwa_reader")
        rights = "select has_table_privilege('qsys2.mirror_info', 'select')"
        assert session.execute(rights).fetchone() == (True,)
        session.rollback()


def test_the_role_is_made_once_and_granted_again():
    with connection.cursor() as cursor:
        cursor.execute((QSYS2 / "reader.sql").read_text())
        cursor.execute((QSYS2 / "reader.sql").read_text())
        cursor.execute("select rolcanlogin, rolsuper from pg_roles where rolname = 'mwa_reader'")
        assert cursor.fetchone() == (False, False)


THERE = "select count(*) from pg_class where relnamespace = to_regnamespace('qsys2')"
READABLE = "select has_table_privilege('mwa_reader', 'qsys2.resync_status', 'select')"


def ask(query: str):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def migrate(*target: str) -> None:
    call_command("migrate", *target, interactive=False, verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_migrations_take_the_views_away_and_make_them_anew():
    with connection.cursor() as cursor:
        cursor.execute("create view public.of_somebody as select pair_name from qsys2.mirror_info")
    migrate("tracking", "0006")  # there is not all that the views read
    assert ask(THERE) == 0
    migrate()
    assert ask(THERE) == len(exports.VIEWS) and ask(READABLE)


@pytest.mark.django_db(transaction=True)
def test_where_nothing_is_migrated_the_views_stay_unless_their_files_have_changed():
    made = "select 'qsys2.mirror_info'::regclass::oid"
    before = ask(made)
    migrate()
    assert ask(made) == before
    with connection.cursor() as cursor:
        cursor.execute("drop view qsys2.resync_status; comment on schema qsys2 is 'made long ago'")
    migrate()
    assert ask(made) != before and ask(THERE) == len(exports.VIEWS) and ask(READABLE)
    with connection.cursor() as cursor:
        cursor.execute("drop schema qsys2 cascade")
    migrate()
    assert ask(THERE) == len(exports.VIEWS) and ask(READABLE)
