"""The phases of a hand-over, who is in the way of one, and what people ask of the nodes meanwhile."""

from datetime import timedelta

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from nodes.models import Pair, StoragePool
from nodes.postgres.connect import connect, one, wait_until
from tests.engine import accounts
from tracking.models import FinishingPart, HandOver, NodeJobs, NodeRequest, SetupStep, TableCopy

PHASES = ["0", "1.1", "1.3", "1.4", "2"]


@pytest.fixture
def paused(engine):
    """A pair that has been ACTIVE, and was paused."""
    engine.database.source.execute(accounts(100))
    engine.migrate()
    engine.ask("PAUSED")
    engine.until("the pause", lambda: engine.pair.phase == "PAUSED")
    return engine


def parts(run) -> list[str]:
    return list(run.phases.values_list("part", flat=True))


def test_each_phase_of_a_hand_over_has_its_times_and_its_position(paused):
    first = HandOver.objects.get()
    assert (first.outcome, parts(first), first.rounds) == ("COMPLETE", PHASES, 1)
    paused.database.source.execute("update account set n = 1 where id <= 30")
    with paused.waiting_hand_over():
        run = HandOver.objects.first()
        paused.until("whom it waits for", lambda: HandOver.objects.first().waiting)
        run = HandOver.objects.first()
        assert (run.outcome, parts(run)) == ("RUNNING", ["0", "1.1", "1.2"])
        (job,) = run.waiting
        assert (job["application"], job["database"]) == ("mwa app", paused.database.name)
        assert run.waited_at - timezone.now() < timedelta(seconds=5)
    paused.until_state("ACTIVE", "REPLICATING")
    run.refresh_from_db()
    assert (run.outcome, run.rows, run.waiting) == ("COMPLETE", 30, [])
    assert parts(run) == ["0", "1.1", "1.2", "1.3", "1.4", "2"]
    phases = list(run.phases.all())
    assert all(phase.began_at <= phase.ended_at for phase in phases) and phases[2].waited == 1
    assert [phase.ended_at for phase in phases[:-1]] == [phase.began_at for phase in phases[1:]]
    assert one(paused.database.source, "select %s::pg_lsn <= pg_current_wal_lsn()", (lsn(run.position),))


def lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def test_a_hand_over_that_fails_says_in_which_phase_and_why(paused):
    paused.set(savactwait_seconds=1)
    with paused.waiting_hand_over():
        paused.until("the failure", HandOver.objects.filter(outcome="FAILED").exists)
    run = HandOver.objects.filter(outcome="FAILED").last()
    assert "waited 1 s for transactions to end: pid" in run.message
    assert parts(run)[-1] == "1.2" and run.phases.get(part="1.2").ended_at is None
    paused.until_state("ACTIVE", "REPLICATING")


def test_a_hand_over_whose_engine_died_is_interrupted_and_the_next_one_completes(paused):
    paused.stop()
    Pair.objects.update(goal="SYNC")
    paused.killed_after("tracking.mirror.handover.turn_on")
    assert HandOver.objects.first().outcome == "RUNNING"
    paused.start()
    paused.until_state("ACTIVE", "REPLICATING")
    latest, before = HandOver.objects.all()[:2]
    assert (latest.outcome, before.outcome) == ("COMPLETE", "INTERRUPTED")
    assert before.phases.get(part="2").ended_at is None


def test_the_latest_hand_overs_are_kept(engine, monkeypatch):
    monkeypatch.setattr("tracking.models.handover.KEPT", 3)
    for _ in range(5):
        HandOver.begin(engine.pool).enter("0", None)
    assert HandOver.objects.count() == 3 and HandOver.objects.filter(outcome="RUNNING").count() == 1


def test_who_keeps_a_suspended_pool_from_resuming_is_seen_on_both_nodes(paused):
    database = paused.database
    with (
        psycopg.connect(database.source_conninfo, application_name="billing") as writer,
        psycopg.connect(database.copy_conninfo, application_name="report") as reader,
    ):
        writer.execute("update public.account set n = 9 where id = 1")
        reader.execute("select count(*) from public.account")
        paused.until("both", lambda: jobs(paused) == {"PRIMARY": ["billing"], "SECONDARY": ["report"]})
        (job,) = NodeJobs.objects.get(role="SECONDARY").jobs
        assert job["holds"] == "public.account (AccessShareLock) and 1 more"[: len(job["holds"])]
        writer.rollback()
        paused.until("one of them", lambda: jobs(paused) == {"PRIMARY": [], "SECONDARY": ["report"]})
    paused.ask("SYNC")
    paused.until("nobody", lambda: not NodeJobs.objects.exists())


def jobs(engine) -> dict[str, list[str]]:
    found = NodeJobs.objects.filter(pool=engine.pool, failure="")
    return {each.role: [job["application"] for job in each.jobs] for each in found}


def test_a_node_that_cannot_be_read_hides_nobody_on_the_other_one(paused, servers):
    with psycopg.connect(paused.database.source_conninfo, application_name="billing") as writer:
        writer.execute("update public.account set n = 9 where id = 1")
        servers.copy.stop("immediate")
        try:
            failed = NodeJobs.objects.filter(role="SECONDARY").exclude(failure="")
            paused.until("the warning", failed.exists)
            paused.until("the other node's", lambda: jobs(paused) == {"PRIMARY": ["billing"]})
        finally:
            servers.copy.start()
    paused.until("both again", lambda: jobs(paused).keys() == {"PRIMARY", "SECONDARY"})


def test_a_control_point_is_forced_when_it_is_asked_for(paused):
    NodeRequest.control_point(paused.pool, "olga")
    with pytest.raises(ValidationError, match=r"asked of pool .* already"):
        NodeRequest.control_point(paused.pool, "oskar")
    request = NodeRequest.objects.get()
    wait_until(lambda: NodeRequest.objects.filter(done=True).exists(), "it", seconds=5)
    request.refresh_from_db()
    assert request.answer.startswith("written at ") and request.answer.endswith(" by old")
    assert paused.pair.messages.filter(text__startswith="Control point, asked for by olga: written").exists()


def test_a_control_point_is_forced_while_a_hand_over_waits(paused):
    with paused.waiting_hand_over():
        NodeRequest.control_point(paused.pool, "olga")
        wait_until(lambda: NodeRequest.objects.filter(done=True).exists(), "it", seconds=5)
        assert paused.pool.detail == "SYNCHRONIZING"


@pytest.mark.parametrize(
    "values, why",
    [
        ({"step": ""}, "has no replication slot yet"),
        ({"reason": 226}, "old does not answer, needed is that it does"),
    ],
)
def test_a_control_point_that_makes_no_sense_is_refused(engine, values, why):
    Pair.objects.update(lease_until=timezone.now() + timedelta(minutes=1))
    StoragePool.objects.update(**{"step": "MIRRORED", **values})
    with pytest.raises(ValidationError, match=why):
        NodeRequest.control_point(engine.pool, "olga")


def test_nothing_is_asked_of_a_node_while_no_engine_works_there(engine):
    StoragePool.objects.update(step="MIRRORED")
    with pytest.raises(ValidationError, match="no engine works on pair moving, needed is one"):
        NodeRequest.control_point(engine.pool, "olga")


def test_the_session_that_is_in_the_way_is_ended_and_no_other_one(paused):
    database = paused.database
    with (
        psycopg.connect(database.source_conninfo, application_name="billing") as writer,
        connect(database.source_conninfo, "bystander", autocommit=False) as bystander,
    ):
        bystander.execute("select 1")
        writer.execute("update public.account set n = 9 where id = 1")
        paused.ask("SYNC")
        paused.until("the wait", lambda: jobs(paused).get("PRIMARY") == ["billing"])
        (job,) = NodeJobs.objects.get(role="PRIMARY").jobs
        began = timezone.datetime.fromisoformat(job["session_began"])
        for wrong in ((job["pid"], began + timedelta(seconds=1)), (bystander.info.backend_pid, began)):
            with pytest.raises(ValidationError, match="is not in the way of pool"):
                NodeRequest.end_session(paused.pool, "PRIMARY", *wrong, "olga")
        NodeRequest.end_session(paused.pool, "PRIMARY", job["pid"], began, "olga")
        paused.until_state("ACTIVE", "REPLICATING")
        assert bystander.execute("select 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            writer.execute("select 1")
    paused.until_equal()
    assert one(database.copy, "select n from public.account where id = 1") == 0
    said = paused.pair.messages.filter(text__contains="asked for by olga: ended on old").get().text
    assert said.startswith(f"Session pid {job['pid']} (postgres, billing)")


def test_a_request_that_is_too_old_is_not_carried_out(paused):
    paused.stop()
    before = timezone.now() - timedelta(minutes=5)
    NodeRequest.objects.create(
        pool=paused.pool, kind="CONTROL", role="PRIMARY", asked_by="olga", asked_at=before
    )
    paused.start()
    paused.until("the answer", lambda: NodeRequest.objects.exclude(done_at=None).exists())
    request = NodeRequest.objects.get()
    assert not request.done and request.answer == "the engine did not come to it within 30 s"


def test_each_step_of_a_system_migration_has_its_time_and_what_comes_after_the_rows_its_count(engine):
    engine.database.source.execute(
        accounts(100) + "; create table entry (id int primary key, account int references account);"
        " create index on entry (account); create materialized view sums as select 1;"
        " create function f() returns trigger language plpgsql as 'begin return new; end';"
        " create trigger t before insert on entry execute function f()"
    )
    engine.migrate()
    engine.until("the last step", lambda: engine.pool.step == "MIRRORED")
    reached = list(SetupStep.objects.values_list("step", flat=True))
    assert reached == ["INSTALLED", "DEFINED", "COPIED", "INDEXED", "MIRRORED"]
    counted = FinishingPart.objects.values_list("part", "done", "total")
    assert list(counted.filter(total__gt=0)) == [
        ("indexes", 3, 3), ("foreign keys", 1, 1), ("others", 1, 1), ("statistics", 3, 3),
    ]  # fmt: skip
    assert not FinishingPart.objects.filter(ended_at=None).exists() and FinishingPart.objects.count() == 6


def test_a_locked_table_says_by_whom_and_since_when_and_how_often_it_was_given_up(engine):
    engine.database.source.execute(accounts(100) + "; create table free (id int)")
    engine.set(savactwait_seconds=1)
    engine.set_up_to("DEFINED")
    with connect(engine.database.source_conninfo, "app", autocommit=False) as holder:
        holder.execute("lock table public.account")
        engine.start()
        locked = TableCopy.objects.filter(name="account", state="LOCKED")
        engine.until("the wait", lambda: locked.exclude(locked_at=None).exclude(locked_by="").exists())
        engine.until("it to be given up", locked.filter(skips__gt=0).exists)
    engine.until("the table", lambda: TableCopy.objects.get(name="account").state == "COPIED")
    found = TableCopy.objects.get(name="account")
    assert (found.locked_at, found.locked_by, found.message) == (None, "", "")
    assert (found.chunks, found.chunks_done) == (1, 1) and found.skips > 0
    assert found.started_at < found.ended_at
