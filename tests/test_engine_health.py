"""The health center's engine: nodes that go away and come back, thresholds, alerts that begin and end."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from django.utils import timezone

from nodes.models import Pair, SwapRequest
from nodes.postgres.connect import connect, one
from nodes.postgres.health.figures import Clock
from tests.portal import make_people
from tracking.attention import alerts_of
from tracking.engine.healthrules import Looked, clock_difference, judge
from tracking.models import Alert, FileRoom, HealthSettings, NodeHealth
from tracking.recorder import recorder

_OURS = "select count(*) from pg_stat_activity where application_name = 'mwa health'"


@pytest.fixture
def watched(engine):
    """An engine that looks every second, with thresholds that nothing here is beyond."""
    engine.settings = HealthSettings.objects.create(
        pair=engine.pair, critical_seconds=1, normal_seconds=1, storage_percent=0, silent_seconds=1
    )
    engine.start()
    engine.until("a look at both nodes", lambda: measured(engine).count() == 2)
    return engine


def measured(engine):
    return NodeHealth.objects.filter(pair=engine.pair, measured_at__isnull=False)


def beyond(engine, **thresholds) -> None:
    HealthSettings.objects.filter(pair=engine.pair).update(**thresholds)


def open_alerts(engine, kind: str) -> list[Alert]:
    return list(Alert.objects.filter(pair=engine.pair, kind=kind, ended_at=None))


def over(engine, kind: str) -> None:
    """Wait until an alert has ended, and for what is said of it."""
    (alert,) = Alert.objects.filter(pair=engine.pair, kind=kind)
    said = engine.pair.messages.filter(code="HEALTH", text__startswith=alert.get_kind_display())
    engine.until(f"the end of {kind}", said.filter(text__contains=" is over: ").exists)
    assert not open_alerts(engine, kind) and said.count() == 2


def test_both_nodes_are_measured_again_and_again(watched):
    first = {row.node.name: row.measured_at for row in measured(watched)}
    watched.until(
        "another look", lambda: all(row.measured_at > first[row.node.name] for row in measured(watched))
    )
    source, copy = measured(watched).order_by("pk")
    assert (source.figures.server.version // 10_000, copy.figures.server.version // 10_000) == (16, 18)
    assert source.answers_since and not source.silent_since and source.error == ""
    difference, uncertainty = clock_difference([source, copy])
    assert abs(difference) <= uncertainty + 0.01  # the same host
    assert not Alert.objects.exists()


def test_a_node_that_stops_is_shown_with_its_last_figures_and_since_when_and_is_found_when_it_is_back(
    watched, servers
):
    before = timezone.now()
    servers.copy.stop("immediate")
    try:
        watched.until("the alert", lambda: bool(open_alerts(watched, "AWAY")))
        row = NodeHealth.objects.get(pair=watched.pair, node=watched.pair.copy)
        assert (
            before - timedelta(seconds=1) < row.silent_since <= timezone.now() and row.answers_since is None
        )
        assert row.figures.server.version // 10_000 == 18 and row.measured_at < row.asked_at and row.error
        (alert,) = open_alerts(watched, "AWAY")
        assert alert.node == watched.pair.copy and "node new has not answered for 1 s or longer" in str(alert)
        source = NodeHealth.objects.get(pair=watched.pair, node=watched.pair.source)
        watched.until("a look at the other", lambda: newer(source))
    finally:
        servers.copy.start()
    over(watched, "AWAY")
    row.refresh_from_db()
    assert row.silent_since is None and row.answers_since > before and row.error == ""


def newer(row: NodeHealth) -> bool:
    return NodeHealth.objects.get(pk=row.pk).measured_at > row.measured_at


def test_a_slot_left_over_is_an_alert_with_the_statement_that_removes_it(watched):
    make = "select pg_create_logical_replication_slot('mwa_abcdef_1_f', 'pgoutput')"
    watched.database.source.execute(make)
    watched.database.source.execute("select pg_create_logical_replication_slot('theirs', 'pgoutput')")
    watched.until("the alert", lambda: bool(open_alerts(watched, "SLOT")))
    (alert,) = open_alerts(watched, "SLOT")
    assert alert.subject == "mwa_abcdef_1_f" and watched.database.name in str(alert)
    remedy = str(alert).split("remove it with ")[1]
    assert remedy == "select pg_drop_replication_slot('mwa_abcdef_1_f')"
    watched.database.source.execute(remedy)
    over(watched, "SLOT")
    watched.database.source.execute("select pg_drop_replication_slot('theirs')")


def test_log_that_a_slot_holds_beyond_the_threshold_is_an_alert_whoever_has_made_the_slot(watched):
    watched.database.source.execute("select pg_create_logical_replication_slot('theirs', 'pgoutput')")
    beyond(watched, held_bytes=1_000_000)
    watched.database.source.execute(
        "create table big as select repeat('x', 1000) from generate_series(1, 3000)"
    )
    watched.until("the alert", lambda: bool(open_alerts(watched, "WAL")))
    (alert,) = open_alerts(watched, "WAL")
    assert alert.value > alert.threshold == 1_000_000 and "slot theirs of node old, read by nobody" in str(
        alert
    )
    watched.database.source.execute("select pg_drop_replication_slot('theirs')")
    over(watched, "WAL")


def test_a_volume_that_is_fuller_than_allowed_is_an_alert_until_the_threshold_says_otherwise(watched):
    assert not open_alerts(watched, "STORAGE")
    beyond(watched, storage_percent=99)
    watched.until("the alerts", lambda: len(open_alerts(watched, "STORAGE")) == 2)
    alert = open_alerts(watched, "STORAGE")[0]
    assert 0 < alert.value < alert.threshold == 99 and "needed is 99 %" in str(alert)
    since = alert.since
    watched.until("another look", lambda: Alert.objects.get(pk=alert.pk).seen_at > alert.seen_at)
    assert Alert.objects.get(pk=alert.pk).since == since
    beyond(watched, storage_percent=None)  # not watched
    watched.until("their end", lambda: not open_alerts(watched, "STORAGE"))


def test_a_transaction_that_is_open_for_too_long_is_named(watched):
    beyond(watched, transaction_seconds=4)
    with psycopg.connect(watched.database.source_conninfo, application_name="nightly") as application:
        application.execute("create table held (id int)")
        pid = application.info.backend_pid
        watched.until("the alert", lambda: bool(open_alerts(watched, "TRANSACTION")))
        assert f"pid {pid}" in str(open_alerts(watched, "TRANSACTION")[0])
        application.rollback()
    over(watched, "TRANSACTION")


def test_the_lag_of_a_pool_is_judged_only_while_it_is_being_measured(engine):
    pair, pool, now = engine.pair, engine.pool, timezone.now()
    settings = HealthSettings(pair=pair, lag_bytes=1_000)
    pool.lag_bytes, pool.measured_at = 5_000, now
    looked = judge(Looked(pair, settings, [], [pool], [], frozenset(), now))
    (found,) = looked.beyond
    assert (found.kind, found.value, found.threshold) == ("LAG", 5_000, 1_000)
    begun, _ = Alert.settle(pair, looked.beyond, looked.unjudged, now)
    pool.measured_at = now - timedelta(minutes=5)
    looked = judge(Looked(pair, settings, [], [pool], [], frozenset(), now))
    assert looked.beyond == []
    for _ in range(5):
        assert Alert.settle(pair, looked.beyond, looked.unjudged, now) == ([], [])
    assert begun[0].kind == "LAG" and open_alerts(engine, "LAG")


def test_clocks_that_differ_by_more_than_the_measuring_is_uncertain_are_an_alert(watched):
    pair, now = watched.pair, timezone.now()
    watched.stop()
    rows = list(measured(watched).order_by("pk"))
    settings = HealthSettings(pair=pair, clock_seconds=1)

    def kinds(offset: float, uncertainty: float) -> list[str]:
        seen = rows[1].figures
        rows[1].measured = replace(seen, clock=Clock(offset, uncertainty)).as_json()
        del rows[1].__dict__["figures"]
        return [each.kind for each in judge(Looked(pair, settings, rows, [], [], frozenset(), now)).beyond]

    assert kinds(0.5, 0.001) == [] and kinds(1.4, 0.5) == []
    assert kinds(1.4, 0.001) == ["CLOCK"] and kinds(-30, 0.5) == ["CLOCK"]
    rows[1].silent_since = now
    assert "CLOCK" not in kinds(30, 0.001) and clock_difference(rows) is None


def test_no_session_of_ours_is_on_a_node_while_roles_are_swapped(watched):
    assert one(watched.database.source, _OURS) == 1
    swap = SwapRequest.objects.create(
        pair=watched.pair, state="RUNNING", requested_by=make_people()["olga"], plan={}, digest="x"
    )
    watched.until("its end", lambda: one(watched.database.source, _OURS) == 0)
    SwapRequest.objects.filter(pk=swap.pk).update(state="COMPLETE")
    watched.until("another look", lambda: one(watched.database.source, _OURS) == 1)
    watched.stop()
    watched.until("the end of the session", lambda: one(watched.database.source, _OURS) == 0)


def test_a_pair_that_is_removed_leaves_no_session_and_no_row(watched):
    watched.ask("REMOVED")
    watched.until("the end of the pair", lambda: not Pair.objects.exists())
    watched.until("the end of the session", lambda: one(watched.database.source, _OURS) == 0)
    assert not NodeHealth.objects.exists() and not Alert.objects.exists()


def test_an_alert_begins_and_ends_with_one_message_and_one_line_of_the_recorder(watched):
    beyond(watched, connections_percent=0.5)
    watched.until("the alert", lambda: len(open_alerts(watched, "CONNECTIONS")) == 2)
    watched.until(
        "another look", lambda: all(a.seen_at > a.since for a in open_alerts(watched, "CONNECTIONS"))
    )
    beyond(watched, connections_percent=None)
    messages = watched.pair.messages.filter(code="HEALTH")
    watched.until("their end", lambda: messages.filter(text__contains=" is over: ").count() == 2)
    assert recorder().flush_lines(10)
    said = [line.text for line in watched.pair.recorder_lines.filter(component="HEALTH").order_by("at", "id")]
    assert [text[:19] for text in said] == ["HEALTH Connections:"] * 2 + ["HEALTH Connections "] * 2
    assert messages.count() == 4


def test_what_is_acknowledged_stays_an_alert_and_needs_nobody(watched):
    beyond(watched, storage_percent=99)
    watched.until("the alerts", lambda: len(open_alerts(watched, "STORAGE")) == 2)
    first, second = open_alerts(watched, "STORAGE")
    first.acknowledge("olga")
    assert alerts_of([watched.pair])[watched.pair.pk] == [second]
    watched.until("another look", lambda: Alert.objects.get(pk=first.pk).seen_at > first.seen_at)
    first.refresh_from_db()
    assert (first.acknowledged_by, first.ended_at) == ("olga", None) and first.acknowledged_at


def test_the_room_of_a_file_root_is_measured_where_its_secondary_is(watched, tmp_path):
    for end in ("source", "copy"):
        (tmp_path / end).mkdir()
    root = watched.pair.file_roots.create(source=str(tmp_path / "source"), copy=str(tmp_path / "copy"))
    watched.until("its room", FileRoom.objects.filter(root=root, measured_at__isnull=False).exists)
    room = FileRoom.objects.get()
    assert room.path == str(tmp_path / "copy") and 0 < room.free_bytes < room.total_bytes
    (tmp_path / "copy").rmdir()
    watched.until("the error", lambda: FileRoom.objects.exclude(error="").exists())
    room.refresh_from_db()
    assert "No such file" in room.error and room.free_bytes  # as it was last


def test_a_password_in_a_statement_is_not_kept(watched):
    with connect(watched.database.source_conninfo, "app", autocommit=False) as application:
        application.execute("create table public.held (id int)")
        application.execute("select 'create role x password ''opensesame'''")
        row = measured(watched).get(node=watched.pair.source)

        def seen() -> bool:
            row.refresh_from_db()
            row.__dict__.pop("figures", None)
            return any("create role" in each.query for each in row.figures.transactions)

        watched.until("the transaction", seen)
        application.rollback()
    assert "opensesame" not in str(row.measured)
