"""The flight recorder: what the engine does is there afterwards, and the engine waits for none of it."""

import logging
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from nodes.models import Pair
from nodes.postgres.connect import wait_until
from nodes.status import COMPONENT, RECORDER_LEVELS
from tests.portal import make_pair, make_people
from tracking import recorder as recording
from tracking.engine.say import say, took
from tracking.models import RecorderLine, RecorderSettings, set_phase, set_state
from tracking.recorder import Recorder, recorder

pytestmark = pytest.mark.django_db(transaction=True)
_log = logging.getLogger("mwa.test")


def lines(pair: Pair) -> list[RecorderLine]:
    """What is recorded of it up to now, oldest first."""
    assert recorder().flush_lines(10)
    return list(reversed(pair.recorder_lines.all()))


def choose(pair: Pair, **levels: str) -> None:
    """Levels by component, in force at once."""
    RecorderSettings.objects.update_or_create(pair=pair, defaults={"levels": levels})
    recorder().look_again()
    _log.info("%s: levels are chosen", pair)  # with the next line the thread reads them
    assert recorder().flush_lines(10)
    pair.recorder_lines.all().delete()


def test_a_message_is_recorded_with_its_component_place_and_level():
    pair = make_pair()
    pool = pair.pools.get()
    say(pair, "Commits wait for the secondary from now on", "", pool)
    say(pair, "Suspended: the secondary does not answer", "266", pool)
    first, second = lines(pair)
    assert (first.text, first.place, first.level_name) == (
        "Commits wait for the secondary from now on", "*SYSBAS", "INFO",
    )  # fmt: skip
    assert (second.text, second.level_name) == ("266 Suspended: the secondary does not answer", "WARNING")
    assert abs((timezone.now() - second.at).total_seconds()) < 30


def test_a_line_is_the_component_s_whose_module_has_logged_it():
    pair = make_pair()
    for module in ("synchronize", "wallimit", "others", "fileloop", "cutover", "proof", "supervisor"):
        record = logging.LogRecord("mwa.engine", logging.INFO, f"{module}.py", 1, module, (), None)
        record.pair = pair.pk
        recorder().handle(record)
    found = {line.text: line.component for line in lines(pair)}
    assert found == {
        "synchronize": "RESYNC", "wallimit": "CAPTURE", "others": "OTHERS", "fileloop": "FILES",
        "cutover": "SWAP", "proof": "COMPARE", "supervisor": "ENGINE",
    }  # fmt: skip
    assert set(recording._COMPONENTS) < {value for value, _ in COMPONENT.choices}


def test_changes_of_state_and_phase_are_recorded():
    pair = make_pair()
    pool = pair.pools.get()
    set_phase(pair, "SYNC", "A")
    set_state(pool, "TRACKING", "SUSPENDED", 266, "no answer for 12 s")
    phase, state = lines(pair)
    assert phase.text == "Phase none -> SYNC A"
    assert state.text == "NOT MIRRORED -> TRACKING SUSPENDED 266 no answer for 12 s"
    assert state.place == "*SYSBAS"


def test_a_step_is_recorded_with_the_seconds_that_it_took():
    pair = make_pair()
    took(time.monotonic() - 2.5, "Hand-over of 7 rows", pair.pools.get())
    (line,) = lines(pair)
    assert line.text == "Hand-over of 7 rows" and 2.5 <= line.seconds < 4


def test_details_are_recorded_of_the_components_of_which_somebody_wants_them():
    pair = make_pair()
    choose(pair, ENGINE="DETAIL", FILES="ERROR")
    _log.debug("%s: a detail", pair)
    _log.debug("%s: another", pair, extra={"component": "RESYNC"})
    _log.warning("%s: a warning", pair, extra={"component": "FILES"})
    _log.error("%s: an error", pair, extra={"component": "FILES"})
    assert [line.text for line in lines(pair)] == ["shop: a detail", "shop: an error"]


def test_a_level_that_another_process_has_chosen_is_in_force_after_some_seconds():
    pair = make_pair()
    _log.info("%s: begin", pair)
    assert recorder().flush_lines(10)
    RecorderSettings.objects.create(pair=pair, levels={"ENGINE": "DETAIL"})

    def recorded() -> bool:
        _log.debug("%s: a detail", pair)
        _log.info("%s: something", pair)  # whatever is recorded has the thread look
        return "shop: a detail" in [line.text for line in lines(pair)]

    wait_until(recorded, "the chosen level", seconds=10, every=0.3)


def test_passwords_are_not_recorded_and_odd_characters_do_no_harm():
    pair = make_pair()
    said = "postgresql://app:opensesame@db/shop password='x y' \0 \udcff"
    record = logging.LogRecord("mwa.test", logging.ERROR, "x.py", 1, said, (), None)
    record.pair = pair.pk
    recorder().handle(record)  # not through the logger: a report of pytest cannot be sent with \udcff
    try:
        raise ValueError("password=opensesame")
    except ValueError:
        _log.exception("%s", pair)
    text = "\n".join(line.text for line in lines(pair))
    assert "opensesame" not in text and "x y" not in text
    assert "postgresql://app:***@db/shop" in text and "ValueError" in text and "test_recorder.py" in text


def test_a_line_of_any_length_is_kept_up_to_a_bound_that_is_said():
    pair = make_pair()
    began = time.monotonic()
    _log.info("%s%s", pair, "x" * 100_000)
    (line,) = lines(pair)
    assert time.monotonic() - began < 5  # looking for passwords takes no longer than the text is long
    assert len(line.text) < 8_100 and line.text.endswith("(100,004 characters)")


def test_whoever_logs_does_not_wait_for_a_database_that_does_not_answer_and_what_is_lost_is_said():
    pair = make_pair()
    _log.info("%s: begin", pair)
    assert recorder().flush_lines(10)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        from django.db import transaction

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("lock table tracking_recorderline in access exclusive mode")
            held.set()
            free.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    began = time.monotonic()
    for number in range(14_000):
        _log.info("%s: line %s", pair, number)
    spent = time.monotonic() - began
    free.set()
    holder.join()
    assert spent < 5  # 14,000 lines; each insert would have waited
    found = [line for line in lines(pair) if line.text != "shop: begin"]
    settings = RecorderSettings.objects.get(pair=pair)
    stored = [line for line in found if line.component == "ENGINE"]
    assert settings.dropped == 14_000 - len(stored) > 0 and settings.dropped_at
    said = [line for line in found if line.component == "RECORDER"]
    assert sum(int(line.text.split()[0].replace(",", "")) for line in said) == settings.dropped
    assert {line.level_name for line in said} == {"WARNING"}


def test_lines_of_a_pair_that_is_gone_do_not_keep_others_from_being_recorded():
    gone, pair = make_pair("gone"), make_pair("shop")
    _log.info("%s: first", gone)
    assert recorder().flush_lines(10)
    pk = gone.pk
    gone.delete()
    _log.info("of nobody", extra={"pair": pk})
    _log.info("%s: something", pair)
    assert [line.text for line in lines(pair)] == ["shop: something"]
    assert RecorderLine.objects.count() == 1


def test_a_line_that_is_of_no_pair_is_not_recorded_and_does_no_harm():
    pair = make_pair()
    _log.error("nobody's")
    wrong = logging.LogRecord("mwa.test", logging.ERROR, "x.py", 1, "%d", ("not a number",), None)
    wrong.pair = pair.pk
    recorder().handle(wrong)
    assert lines(pair) == []


def test_what_is_old_or_too_much_is_pruned():
    pair, other = make_pair("shop"), make_pair("crm")
    now = timezone.now()
    for each in (pair, other):
        RecorderLine.objects.bulk_create(
            RecorderLine(pair=each, at=now - timedelta(minutes=n), component="ENGINE", level=2, text=str(n))
            for n in range(2_000)
        )
        RecorderLine.objects.create(
            pair=each, at=now - timedelta(days=8), component="ENGINE", level=0, text="old"
        )
    settings = RecorderSettings.objects.create(pair=pair, retention_lines=1_500)
    RecorderLine.prune(settings)
    left = [int(line.text) for line in pair.recorder_lines.all()]
    assert left == list(range(1_500))
    assert other.recorder_lines.count() == 2_001
    RecorderLine.prune(RecorderSettings.of(other))
    assert not other.recorder_lines.filter(text="old").exists() and other.recorder_lines.count() == 2_000


def test_what_people_ask_for_is_recorded_with_who_has_asked_and_why_it_was_refused():
    pair, client = make_pair(), Client()
    client.force_login(make_people()["olga"])
    client.post("/pairs/shop/start/")
    client.post("/pairs/shop/pause/")
    first, second = lines(pair)
    assert (first.component, first.text) == ("PORTAL", "olga: start")
    assert second.text.startswith("olga: pause was refused: pair shop is in phase Defined")


def test_levels_are_from_the_worst_to_the_most_detailed():
    assert RECORDER_LEVELS == ("ERROR", "WARNING", "INFO", "DETAIL")
    assert isinstance(recorder(), Recorder)
