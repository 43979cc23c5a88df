"""What people do with entries of the library tracking list, what is refused, and what is noted of it."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from nodes import status
from tests.portal import make_people, make_synchronizing_pair
from tests.qsys2 import read
from tests.test_portal_actions import post
from tests.test_portal_actions import read as read_page
from tracking.models import Attempt, DefinitionEntry, MigratedObject, OtherObject, history, set_state

pytestmark = pytest.mark.django_db
LIST = "/pairs/shop/definitions/"


@pytest.fixture
def pool():
    return make_synchronizing_pair().pools.get()


def definition(pool, number=1, state="FAILED", kind="view", **given) -> DefinitionEntry:
    values = {
        "command": f"CREATE {kind.upper()}",
        "identity": f"public.o{number}",
        "failure": "no room",
        **given,
    }
    return DefinitionEntry.objects.create(pool=pool, number=number, state=state, object_type=kind, **values)


def other(pool, name="seller", state="FAILED", **given) -> OtherObject:
    return OtherObject.objects.create(
        pool=pool, object_type="ROLE", name=name, change="missing", state=state, **given
    )


def refused(entry, act: str, value: str = "") -> str:
    with pytest.raises(ValidationError) as caught:
        entry.act(act, "oskar", value)
    return caught.value.messages[0]


def again(entry):
    return type(entry).objects.get(pk=entry.pk)


def page_of(user, path: str = LIST) -> str:
    return read_page(user, path)


def log() -> list[tuple[str, str]]:
    return list(Attempt.objects.order_by("id").values_list("outcome", "by"))


def test_what_is_omitted_is_not_waited_for_and_can_be_taken_up_again(pool):
    entry = definition(pool)
    assert "1 definition changes" in pool.pair.in_the_way_of_swap()
    entry.act("omit", "olga")
    held = again(entry)
    assert (held.set_aside, held.set_aside_by, held.state) == ("OMITTED", "olga", "FAILED")
    assert pool.pair.in_the_way_of_swap() == "" and not DefinitionEntry.objects.by_hand().exists()
    assert "is FAILED and OMITTED by olga" in refused(entry, "omit")
    assert "is FAILED and OMITTED by olga" in refused(entry, "retry")
    entry.act("restore", "oskar")
    held = again(entry)
    assert (held.set_aside, held.retry_asked, held.asked_by) == ("", True, "oskar")
    assert "1 definition changes" in pool.pair.in_the_way_of_swap()
    assert log() == [("OMITTED", "olga"), ("RESTORED", "oskar")]


def test_what_is_deferred_is_in_the_way_of_a_swap_until_it_is_tried(pool):
    entry = definition(pool)
    entry.act("defer", "olga")
    assert "1 definition changes" in pool.pair.in_the_way_of_swap()
    assert "needed is one that has failed" in refused(entry, "defer")
    entry.act("retry", "olga")
    assert (again(entry).set_aside, again(entry).retry_asked) == ("", True)


def test_what_is_on_its_way_is_set_aside_only_while_no_stream_brings_it(pool):
    entry = definition(pool, state="READY", failure="")
    assert "is READY; needed is one that waits for somebody, or is on its way while" in refused(entry, "omit")
    set_state(pool, "TRACKING", "SUSPENDED", 212)
    again(entry).act("defer", "olga")
    assert (again(entry).state, again(entry).set_aside) == ("PREPARING", "DEFERRED")
    assert DefinitionEntry.objects.by_hand().exists()
    again(entry).act("retry", "olga")
    assert (again(entry).state, again(entry).set_aside) == ("READY", "")
    again(entry).act("omit", "olga")
    assert not DefinitionEntry.objects.by_hand().exists()


@pytest.mark.parametrize(
    "act, state", [("omit", "FAILED"), ("remove", "FAILED"), ("omit", "READY"), ("defer", "READY")]
)
def test_rows_are_not_cut_off_from_their_tables_definition(pool, act, state):
    set_state(pool, "TRACKING", "SUSPENDED", 9040)
    entry = definition(pool, state=state, kind="table")
    assert "changes a table whose rows could not follow without it; needed is" in refused(entry, act)
    assert act not in entry.offered()


def test_what_is_removed_is_in_the_log_only(pool):
    entry = definition(pool)
    entry.act("remove", "olga")
    assert not DefinitionEntry.objects.exists()
    assert "is not on the list any more" in refused(entry, "remove")
    [attempt] = Attempt.objects.all()
    assert (attempt.outcome, attempt.by, attempt.identity) == ("REMOVED", "olga", "public.o1")
    assert "needed is one that has failed, or is to be carried by hand" in refused(
        definition(pool, 2, "READY"), "remove"
    )


def test_a_priority_is_a_number_and_decides_who_is_first(pool):
    first, second, third = (definition(pool, number) for number in (1, 2, 3))
    third.act("prioritize", "olga", "0")
    second.act("prioritize", "olga", "7")
    assert list(DefinitionEntry.objects.in_turn()) == [third, second, first]
    second.act("prioritize", "olga", "")
    assert list(DefinitionEntry.objects.in_turn()) == [third, first, second]
    for wrong in ("-1", "first", "32768", "1.5"):
        assert f"'{wrong}' was given as the priority of" in refused(first, "prioritize", wrong)


@pytest.mark.parametrize("act", ["omit", "defer", "remove", "prioritize", "restore"])
def test_a_list_that_is_being_worked_off_is_left_alone(pool, act):
    entry = definition(pool, set_aside="OMITTED" if act == "restore" else "")
    set_state(pool, "ACTIVE", "SYNCHRONIZING")
    before = again(entry).standing
    assert "pool *SYSBAS is ACTIVE SYNCHRONIZING; its lists can be changed when" in refused(entry, act, "1")
    assert again(entry).standing == before and act not in again(entry).offered()


def test_other_objects_are_omitted_deferred_and_ordered(pool):
    entry = other(pool)
    assert set(entry.offered()) == {"retry", "omit", "defer", "prioritize"}
    entry.act("omit", "olga")
    assert again(entry).offered() == ["restore"]
    entry.act("restore", "olga")
    entry.act("prioritize", "olga", "3")
    assert (again(entry).priority, again(entry).retry_asked) == (3, True)
    assert "'remove' was asked of" in refused(entry, "remove")
    by_hand = other(pool, "fast", "INELIGIBLE", why="make the directory")
    assert set(by_hand.offered()) == {"done", "omit"}
    carried = other(pool, "slow", "MIGRATING", started_at=timezone.now())
    assert carried.offered() == []


def test_a_start_time_without_an_attempt_under_way_is_refused_by_the_database(pool):
    for make in (definition, other):
        with pytest.raises(IntegrityError, match="started_only_while_migrating"), transaction.atomic():
            make(pool, state="READY", started_at=timezone.now())
        make(pool, state="MIGRATING", started_at=timezone.now())


def test_an_object_is_taken_out_of_the_history_once(pool):
    now = timezone.now()
    found = MigratedObject.objects.create(
        pool=pool, identity="public.v", object_type="view", tracked_at=now, ended_at=now, count=1
    )
    set_state(pool, "ACTIVE", "SYNCHRONIZING")
    with pytest.raises(ValidationError, match="SYNCHRONIZING"):
        found.remove("olga")
    set_state(pool, "ACTIVE", "REPLICATING")
    people = make_people()
    assert f'id="migrated-remove-{found.pk}"' in page_of(people["olga"], "/pairs/shop/migrated/")
    assert f'id="migrated-remove-{found.pk}"' not in page_of(people["vera"], "/pairs/shop/migrated/")
    post(people["olga"], f"/pairs/shop/migrated/{found.pk}/remove/")
    assert not MigratedObject.objects.exists() and log() == [("REMOVED", "olga")]
    with pytest.raises(ValidationError, match="is not in the history any more"):
        found.remove("olga")


def test_a_success_is_counted_and_keeps_the_size_that_is_known(pool):
    now = timezone.now()
    entry = other(pool, "4711")
    MigratedObject.note(entry, now, now - timedelta(seconds=2), 2_000)
    MigratedObject.note(entry, now)
    [row] = read("migrated_library")
    assert (row.successful_migration_count, row.object_size, row.migration_start_time) == (2, 2_000, None)


def test_a_failure_that_repeats_is_counted_and_the_log_is_bounded(pool, monkeypatch):
    entry = definition(pool)
    for message in ("no room", "no room", "no role", "no room"):
        Attempt.note(entry, "FAILED", message=message)
    assert [(each.message, each.times) for each in Attempt.objects.order_by("id")] == [
        ("no room", 2), ("no role", 1), ("no room", 1),
    ]  # fmt: skip
    monkeypatch.setattr(history, "KEPT_ATTEMPTS", 2)
    Attempt.prune(pool)
    assert [each.message for each in Attempt.objects.order_by("id")] == ["no role", "no room"]
    Attempt.objects.filter(message="no room").update(ended_at=timezone.now() - timedelta(days=31))
    Attempt.prune(pool)
    assert [each.message for each in Attempt.objects.all()] == ["no role"]


def test_every_act_is_offered_on_the_page_only_where_it_is_legal(pool):
    people = make_people()
    entry = definition(pool)
    page = page_of(people["olga"])
    shown = {act for act in entry.ACTS if f'id="definition-{act}-{entry.pk}"' in page}
    assert shown == set(entry.offered()) == {"retry", "done", "omit", "defer", "remove", "prioritize"}
    assert f'id="definition-retry-{entry.pk}"' not in page_of(people["vera"])
    post(people["olga"], f"/pairs/shop/definitions/{entry.pk}/prioritize/", **{f"priority-{entry.pk}": "4"})
    assert again(entry).priority == 4 and "priority 4" in page_of(people["vera"])
    page = post(people["olga"], f"/pairs/shop/definitions/{entry.pk}/omit/")
    assert "Omitted" in page and f'id="definition-restore-{entry.pk}"' in page
    assert "is FAILED and OMITTED by olga" in post(
        people["olga"], f"/pairs/shop/definitions/{entry.pk}/omit/"
    )
    attempts = "/pairs/shop/attempts/?object=public.o1"
    assert "Taken up again" not in page_of(people["vera"], attempts).split("<tbody>")[1]
    post(people["olga"], f"/pairs/shop/definitions/{entry.pk}/restore/")
    assert "Taken up again" in page_of(people["vera"], attempts).split("<tbody>")[1]


def test_the_list_in_sql_says_who_failed_and_what_was_set_aside(pool):
    job = f"apply worker {pool.slot()}"
    definition(pool, 1, failure_job=job, priority=2).act("defer", "olga")
    other(pool, "busy", "MIGRATING", started_at=timezone.now(), size=9)
    failed, busy = read("library_migration_list", "order by object_type desc")
    assert (failed.failure_job_name, failed.priority, failed.migration_start_time) == (job, 2, None)
    assert (failed.set_aside, failed.set_aside_by) == ("DEFERRED", "olga") and failed.set_aside_at
    assert busy.tracking_state == "MIGRATING" and busy.migration_start_time and busy.object_size == 9
    assert (busy.set_aside, busy.failure_job_name) == (None, None)
    [row] = read("migration_attempts")
    assert (row.outcome, row.user_name, row.object_name) == ("DEFERRED", "olga", "public.o1")


def test_every_outcome_can_be_shown(pool):
    for number, (outcome, _) in enumerate(status.ATTEMPT.choices):
        Attempt.note(definition(pool, number), outcome, job="engine x")
    page = page_of(make_people()["vera"], "/pairs/shop/attempts/")
    assert all(label in page for _, label in status.ATTEMPT.choices)
