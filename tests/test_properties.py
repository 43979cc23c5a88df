"""Properties of pairs and pools: nonsense is refused, nobody overwritten unawares; who changed what stays."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from mwaportal import typed
from nodes import properties
from nodes.models import Pair, PoolProperties, PropertyChange, StoragePool
from nodes.postgres.connect import wait_until
from tests.portal import make_pair
from tracking.models import Message

pytestmark = pytest.mark.django_db
_SEEN = {each.name: str(each.field.default) for each in properties.PROPERTIES}


@pytest.fixture
def pair() -> Pair:
    return make_pair()


@pytest.fixture
def erp() -> StoragePool:
    """The second of two pools."""
    return make_pair(databases=("shop", "erp")).pools.get(number=2)


def again(pool: StoragePool) -> StoragePool:
    """As it is now, with its pair."""
    return StoragePool.objects.select_related("pair").get(pk=pool.pk)


def refused(
    pair: Pair | StoragePool, by: str = "olga", seen: dict[str, str] | None = None, **wanted: object
) -> str:
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


def test_a_pool_may_have_every_property_for_itself_but_the_budget_of_the_swap_of_all():
    assert set(properties.BY_NAME) - set(PoolProperties.names()) == {"swap_budget_ms"}


def test_a_pool_has_what_its_pair_has_until_it_has_its_own_and_then_again(erp):
    assert erp.properties.lag_limit_bytes == 256 * 2**20 and erp.own_properties == {}
    properties.change(erp, {"lag_limit_bytes": "512 MB", "synchronous": "True"}, "olga")
    pool = again(erp)
    assert (pool.properties.lag_limit_bytes, pool.properties.synchronous) == (512 * 2**20, True)
    assert (pool.pair.lag_limit_bytes, pool.pair.synchronous) == (256 * 2**20, False)
    assert pool.pair.pools.get(number=1).properties.lag_limit_bytes == 256 * 2**20
    properties.change(erp, {"lag_limit_bytes": None, "synchronous": " "}, "olga")
    assert again(erp).own_properties == {}


def test_a_later_change_of_the_pair_holds_where_a_pool_has_none_of_its_own(erp):
    properties.change(erp, {"parallel_degree": "2"}, "olga")  # what the pair has, too, and yet its own
    properties.change(erp.pair, {"parallel_degree": "8", "savactwait_seconds": "30"}, "olga")
    found = again(erp).properties
    assert (found.parallel_degree, found.savactwait_seconds) == (2, 30)


def test_every_value_of_a_pool_comes_back_as_it_was_given(erp):
    given = {
        "synchronous": True, "auto_resume": False, "parallel_degree": 64, "savact": "*SYSDFN",
        "savactwait_seconds": 1, "suspend_wait_seconds": 3_600, "lag_limit_bytes": 2**50,
        "wal_limit_bytes": 2**50, "whole_share_percent": 100,
    }  # fmt: skip
    properties.change(erp, given, "olga")
    assert again(erp).properties == PoolProperties(**given)


def test_a_change_of_a_pool_is_noted_with_the_pool_and_what_the_pair_has(erp):
    (given,) = properties.change(erp, {"lag_limit_bytes": "512 MB"}, "olga")
    (taken,) = properties.change(again(erp), {"lag_limit_bytes": ""}, "oskar")
    assert (given.about, given.key, given.pool) == ("shop, pool erp", erp.pair.token, erp.pk)
    assert (given.before, given.after) == ("the pair's (256 MB)", "512 MB")
    assert (taken.by, taken.before, taken.after) == ("oskar", "512 MB", "the pair's (256 MB)")
    assert properties.change(erp, {"lag_limit_bytes": None}, "olga") == []


def test_the_longest_names_there_are_fit_into_a_note():
    pair = make_pair(databases=("first", "d" * 63))
    pair.name = "p" * 63
    pair.save()
    (noted,) = properties.change(pair.pools.get(number=2), {"parallel_degree": "4"}, "olga")
    noted.refresh_from_db()
    assert noted.about == f"{'p' * 63}, pool {'d' * 63}"


def test_nonsense_for_a_pool_is_refused_as_for_a_pair_and_the_pair_s_alone_is_refused(erp):
    assert "is 65, needed is at most 64" in refused(erp, parallel_degree="65")
    assert "needed is a number of bytes" in refused(erp, lag_limit_bytes="9 XB")
    assert "is the pair's alone, and was given for pool erp" in refused(erp, swap_budget_ms="9000")
    assert "is the pair's alone" in refused(erp, swap_budget_ms="")
    erp.pair.ask("REMOVED")
    assert "is being removed" in refused(erp, parallel_degree="4")
    assert again(erp).own_properties == {} and not PropertyChange.objects.exists()


def test_of_the_limits_of_a_pool_the_values_in_force_are_compared_whosever_they_are(erp):
    assert "the lag limit is 8 GB and the WAL limit 4 GB" in refused(erp, lag_limit_bytes="8 GB")
    properties.change(erp, {"lag_limit_bytes": "8 GB", "wal_limit_bytes": "16 GB"}, "olga")
    assert "the lag limit is 8 GB and the WAL limit 4 GB" in refused(erp, wal_limit_bytes="")
    assert again(erp).properties.wal_limit_bytes == 16 * 2**30


def test_a_change_of_the_pair_is_refused_that_is_nonsense_with_what_a_pool_has_for_itself(erp):
    properties.change(erp, {"lag_limit_bytes": "3 GB"}, "olga")
    said = refused(erp.pair, wal_limit_bytes="2 GB")
    assert "pool erp has values of its own: the lag limit is 3 GB and the WAL limit 2 GB" in said
    assert again(erp).pair.wal_limit_bytes == 4 * 2**30
    properties.change(erp, {"wal_limit_bytes": "4 GB"}, "olga")
    properties.change(erp.pair, {"wal_limit_bytes": "2 GB"}, "olga")  # which erp does not go by any more
    assert again(erp).properties.wal_limit_bytes == 4 * 2**30


def test_the_second_of_two_who_change_a_pool_is_told_and_not_for_what_the_pair_or_another_pool_has(erp):
    seen = dict.fromkeys(PoolProperties.names(), "")
    properties.change(erp.pair, {"parallel_degree": "3"}, "oskar")
    properties.change(erp.pair.pools.get(number=1), {"parallel_degree": "5"}, "oskar")
    properties.change(erp, {"parallel_degree": "4"}, "olga", seen)
    assert "was changed to 4 at once by olga at " in refused(erp, "oskar", seen, parallel_degree="8")
    properties.change(erp, {"parallel_degree": ""}, "olga", {**seen, "parallel_degree": "4"})
    said = refused(erp, "oskar", {**seen, "parallel_degree": "4"}, parallel_degree="8")
    assert "was changed to the pair's (3 at once) by olga at " in said
    assert again(erp).own_properties == {}


@pytest.mark.django_db(transaction=True)
def test_a_pool_s_value_and_the_pair_s_that_are_nonsense_together_are_not_both_saved_at_once():
    pool, outcomes, together = make_pair().pools.get(), [], threading.Barrier(2)

    def save(holder: Pair | StoragePool, name: str, value: str) -> None:
        together.wait(10)
        try:
            properties.change(holder, {name: value}, "olga")
            outcomes.append("saved")
        except ValidationError:
            outcomes.append("refused")
        finally:
            connection.close()

    given = ((pool, "lag_limit_bytes", "3 GB"), (pool.pair, "wal_limit_bytes", "2 GB"))
    threads = [threading.Thread(target=save, args=each) for each in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["refused", "saved"]


@pytest.mark.django_db(transaction=True)
def test_who_holds_a_pool_and_writes_about_its_pair_is_not_in_a_deadlock_with_a_change():
    pool = make_pair().pools.get()
    done = threading.Event()

    def save() -> None:
        try:
            properties.change(pool, {"parallel_degree": "4"}, "olga")
            done.set()
        finally:
            connection.close()

    changing = threading.Thread(target=save)
    with transaction.atomic():
        StoragePool.objects.filter(pk=pool.pk).update(lag_bytes=1)
        changing.start()
        wait_until(_somebody_waits, "the change to wait for the pool", seconds=10)
        Message.objects.create(pair=pool.pair, pool=pool, text="measured")
    changing.join(20)
    assert done.is_set() and again(pool).properties.parallel_degree == 4


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select exists (select from pg_locks where not granted)")
        return cursor.fetchone()[0]


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
