"""Properties of a pair: nonsense is refused, nobody is overwritten unawares, and who changed what stays."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from mwaportal import typed
from nodes import properties
from nodes.models import Pair, PropertyChange
from tests.portal import make_pair

pytestmark = pytest.mark.django_db
_SEEN = {each.name: str(each.field.default) for each in properties.PROPERTIES}


@pytest.fixture
def pair() -> Pair:
    return make_pair()


def refused(pair: Pair, by: str = "olga", seen: dict[str, str] | None = None, **wanted: object) -> str:
    with pytest.raises(ValidationError) as caught:
        properties.change(pair, wanted, by, seen)
    return str(caught.value.message_dict if hasattr(caught.value, "error_dict") else caught.value.messages)


def test_every_property_of_a_pair_has_a_meaning_and_its_default_is_within_its_limits():
    named = set(properties.BY_NAME)
    assert named == {
        "synchronous", "auto_resume", "parallel_degree", "savact", "savactwait_seconds",
        "suspend_wait_seconds", "lag_limit_bytes", "wal_limit_bytes", "whole_share_percent", "swap_budget_ms",
    }  # fmt: skip
    for each in properties.PROPERTIES:
        assert each.meaning.endswith(".") and each.effect and (each.limits or each.choices)
        assert each.clean(each.render(each.field.default)) == each.field.default


def test_a_change_is_noted_with_who_and_what_it_was(pair):
    (noted,) = properties.change(pair, {"lag_limit_bytes": "1.5 GB", "savact": "*SYNCLIB"}, "olga")
    assert (noted.by, noted.name, noted.before, noted.after) == (
        "olga", "lag_limit_bytes", "256 MB", "1536 MB",
    )  # fmt: skip
    pair.refresh_from_db()
    assert pair.lag_limit_bytes == 1536 * 2**20
    assert properties.change(pair, {"lag_limit_bytes": "1536 MB"}, "olga") == []  # nothing is different


@pytest.mark.parametrize(
    "name, given, why",
    [
        ("parallel_degree", "0", "is 0, needed is at least 1"),
        ("parallel_degree", "65", "is 65, needed is at most 64"),
        ("parallel_degree", "-1", "is -1, needed is at least 1"),
        ("parallel_degree", "many", "must be an integer"),
        ("parallel_degree", "9" * 5_000, "must be an integer"),
        ("whole_share_percent", "101", "is 101, needed is at most 100"),
        ("synchronous", "perhaps", "must be either True or False"),
        ("savact", "*ALL", "'*ALL' is not a valid choice"),
        ("wal_limit_bytes", "1 MB", "needed is at least 67108864"),
        ("wal_limit_bytes", "9 XB", "is '9 XB', needed is a number of bytes"),
        ("wal_limit_bytes", "9" * 5_000, "needed is at most"),
        ("lag_limit_bytes", "-5", "is '-5', needed is a number of bytes"),
        ("lag_limit_bytes", "", "is '', needed is a number of bytes"),
        ("swap_budget_ms", "0x10", "must be an integer"),
        ("swap_budget_ms", "\0", "must be an integer"),
    ],
)
def test_nonsense_is_refused_with_the_value_seen_and_the_value_needed(pair, name, given, why):
    said = refused(pair, **{name: given}).replace("“", "'").replace("”", "'")
    assert why in said
    assert not PropertyChange.objects.exists()


def test_a_lag_limit_beyond_the_wal_limit_is_refused_because_it_would_never_be_reached(pair):
    said = refused(pair, lag_limit_bytes="8 GB")
    assert "the lag limit is 8 GB and the WAL limit 4 GB; needed is a lag limit" in said
    properties.change(pair, {"lag_limit_bytes": "8 GB", "wal_limit_bytes": "16 GB"}, "olga")
    assert "the WAL limit 2 GB" in refused(pair, wal_limit_bytes="2 GB")


def test_one_refusal_leaves_everything_as_it_was(pair):
    refused(pair, parallel_degree="4", swap_budget_ms="0")
    pair.refresh_from_db()
    assert pair.parallel_degree == 2


def test_whoever_saves_second_is_told_what_the_first_one_did_and_overwrites_nothing(pair):
    properties.change(pair, {"parallel_degree": "4"}, "olga", _SEEN)
    said = refused(pair, "oskar", _SEEN, parallel_degree="8")
    assert "was changed to 4 at once by olga at " in said and "nothing is saved" in said
    pair.refresh_from_db()
    assert pair.parallel_degree == 4
    again = {**_SEEN, "parallel_degree": "4"}
    properties.change(pair, {"parallel_degree": "8"}, "oskar", again)  # now that he has seen it
    pair.refresh_from_db()
    assert pair.parallel_degree == 8


def test_two_who_change_different_properties_are_not_in_each_other_s_way(pair):
    properties.change(pair, {"parallel_degree": "4", "swap_budget_ms": "5000"}, "olga", _SEEN)
    properties.change(pair, {"parallel_degree": "2", "swap_budget_ms": "9000"}, "oskar", _SEEN)
    pair.refresh_from_db()
    assert (pair.parallel_degree, pair.swap_budget_ms) == (4, 9_000)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_the_same_moment_one_is_told():
    pair, outcomes, together = make_pair(), [], threading.Barrier(2)

    def save(by: str, value: str) -> None:
        together.wait(10)
        try:
            properties.change(pair, {"parallel_degree": value}, by, _SEEN)
            outcomes.append("saved")
        except ValidationError:
            outcomes.append("told")
        finally:
            connection.close()

    threads = [threading.Thread(target=save, args=each) for each in (("olga", "4"), ("oskar", "8"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["saved", "told"]
    assert PropertyChange.objects.count() == 1


def test_a_pair_that_is_being_removed_keeps_its_properties(pair):
    pair.ask("REMOVED")
    assert "is being removed" in refused(pair, parallel_degree="4")


@pytest.mark.parametrize("statement", ["update {} set by = 'X'", "delete from {}", "truncate {}"])
def test_who_changed_what_cannot_be_changed(pair, statement):
    properties.change(pair, {"parallel_degree": "4"}, "olga")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format("nodes_propertychange"))
    pair.delete()
    assert PropertyChange.objects.get().about == "shop"


@pytest.mark.parametrize("value", [1, 1_023, 1_024, 2**20, 3 * 2**30, 2**40 + 1, 2**50])
def test_a_size_is_read_as_it_is_shown(value):
    assert typed.size(typed.as_size(value)) == value
