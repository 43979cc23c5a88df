"""The replication criteria list as people change it: pending under a label, then together, or not at all."""

import pytest
from django.core.exceptions import ValidationError

from nodes import system_criteria
from nodes.models import CriteriaChange, CriteriaRule, StoragePool, SwapRequest
from nodes.postgres.criteria import Rule
from tests.portal import make_pair, make_people, make_synchronizing_pair, propose

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool() -> StoragePool:
    """Of a pair that has not begun: what is committed is active at once."""
    return make_pair().pools.get()


@pytest.fixture
def running() -> StoragePool:
    return make_synchronizing_pair().pools.get()


def rules(pool: StoragePool) -> list[tuple[str, str, str]]:
    return [(str(rule), rule.state, rule.label) for rule in pool.criteria.all()]


def active(pool: StoragePool, *scope: str, inclusion: str = "EXCLUDE") -> CriteriaRule:
    propose(pool, inclusion, *scope, label="begin").commit("olga")
    return pool.criteria.get(state="ACTIVE")


def why(act, *args) -> str:
    with pytest.raises(ValidationError) as refusal:
        act(*args)
    return " ".join(refusal.value.messages)


# Adding


def test_a_new_rule_is_pending_under_its_label_and_the_engine_is_asked_to_look(pool):
    change = propose(pool, "EXCLUDE", "public", "table", "log")
    assert rules(pool) == [("EXCLUDE table log in schema public of *SYSBAS", "PENDING ADD", "spring")]
    assert (change.label, change.by, change.preview, change.commit_asked) == ("spring", "olga", None, False)
    pool.refresh_from_db()
    assert pool.criteria_asked and pool.active_criteria() == []
    assert change.proposed() == [Rule("EXCLUDE", "public", "table", "log")]


@pytest.mark.parametrize(
    ("scope", "about"),
    [
        ((), "everything in *SYSBAS"),
        (("public",), "everything in schema public of *SYSBAS"),
        (("public", "table"), "every table in schema public of *SYSBAS"),
        (("public", "table", "log"), "table log in schema public of *SYSBAS"),
        (("", "large object"), "every large object in *SYSBAS"),
        (("", "publication", "p"), "publication p in *SYSBAS"),
    ],
)
def test_a_rule_says_what_it_is_about(pool, scope, about):
    propose(pool, "EXCLUDE", *scope)
    assert pool.criteria.get().about == about


def test_another_rule_under_the_same_label_has_the_preview_made_anew(pool):
    change = propose(pool, "EXCLUDE", "public", "table", "log")
    change.show({"changes": [], "more": 0, "refusals": []})
    change.refuse("no")
    again = propose(pool, "EXCLUDE", "public", "table", "draft")
    assert (again.pk, again.preview, again.failure) == (change.pk, None, "")


def test_a_preview_of_what_was_changed_meanwhile_is_not_shown(pool):
    looked_at = propose(pool, "EXCLUDE", "public", "table", "log")
    propose(pool, "EXCLUDE", "public", "table", "draft")
    looked_at.show({"changes": [], "more": 0, "refusals": []})
    assert CriteriaChange.objects.get().preview is None


# Committing


def test_before_the_migration_begins_a_commit_is_immediate(pool):
    change = propose(pool, "EXCLUDE", "public", "table", "log")
    other = propose(pool, "EXCLUDE", "old", label="autumn")
    other.show({"changes": [], "more": 0, "refusals": []})
    change.commit("olga")
    assert [(text, state) for text, state, _ in rules(pool)] == [
        ("EXCLUDE everything in schema old of *SYSBAS", "PENDING ADD"),
        ("EXCLUDE table log in schema public of *SYSBAS", "ACTIVE"),
    ]
    left = CriteriaChange.objects.get()
    assert (left, left.preview) == (other, None)  # what it would change is something else now


def test_a_commit_while_the_migration_runs_is_for_the_engine(running):
    change = propose(running, "EXCLUDE", "public", "table", "log")
    StoragePool.objects.update(criteria_asked=False)
    CriteriaChange.objects.update(failure="it was refused before")
    change.commit("oskar")
    change.refresh_from_db()
    running.refresh_from_db()
    assert (change.commit_asked, change.by, change.failure, running.criteria_asked) == (
        True,
        "oskar",
        "",
        True,
    )
    assert running.active_criteria() == []
    change.refuse("table a needs table b")
    change.refresh_from_db()
    assert (change.commit_asked, change.failure) == (False, "table a needs table b")
    assert rules(running)[0][1:] == ("PENDING ADD", "spring")


def test_nothing_of_a_change_is_touched_while_it_is_committed(running):
    change = propose(running, "EXCLUDE", "public", "table", "log")
    change.commit("olga")
    rule = running.criteria.get()
    before = rules(running)
    wanted = "criteria change 'spring' of pool *SYSBAS is being committed; needed is one that is only pending"
    assert why(propose, running, "EXCLUDE", "public", "table", "draft") == wanted
    assert why(change.commit, "olga") == why(change.roll_back) == why(rule.remove, "x", "olga") == wanted
    assert rules(running) == before


def test_a_commit_is_refused_while_a_role_swap_is_open(running):
    people = make_people()
    swap = SwapRequest.request(running.pair, people["olga"])
    change = propose(running, "EXCLUDE", "public", "table", "log")
    assert why(change.commit, "olga") == (
        "criteria change 'spring' of pool *SYSBAS cannot be committed while a role swap of pair shop is open:"
        f" role swap {swap.pk} of shop is Waiting for approval, and its plan holds for the rules of now;"
        " needed is none"
    )
    swap.reject(people["artur"])
    change.commit("olga")
    change.refresh_from_db()
    assert change.commit_asked


def test_what_is_settled_or_rolled_back_is_over(pool):
    for end in (CriteriaChange.roll_back, lambda change: change.commit("olga")):
        change = propose(pool, "EXCLUDE", "old")
        end(change)
        assert "is settled or rolled back already" in why(change.commit, "olga")
        assert "is settled or rolled back already" in why(change.roll_back)


# Replacing and removing


def test_a_new_rule_takes_the_place_of_the_active_one_for_the_same_when_it_settles(pool):
    active(pool, "public", "table", "log")
    change = propose(pool, "DEFINITION", "public", "table", "log")
    assert pool.active_criteria() == [Rule("EXCLUDE", "public", "table", "log")]
    assert change.proposed() == [Rule("DEFINITION", "public", "table", "log")]
    change.commit("olga")
    assert rules(pool) == [("DEFINITION table log in schema public of *SYSBAS", "ACTIVE", "")]


def test_a_rule_that_is_removed_holds_until_then(pool):
    rule = active(pool, "public", "table", "log")
    rule.remove("autumn", "oskar")
    assert rules(pool)[0][1:] == ("PENDING REMOVE", "autumn")
    change = CriteriaChange.objects.get()
    assert (change.label, change.by, change.proposed()) == ("autumn", "oskar", [])
    assert pool.active_criteria() == [Rule("EXCLUDE", "public", "table", "log")]
    change.commit("olga")
    assert rules(pool) == [] and not CriteriaChange.objects.exists()


def test_a_change_adds_and_removes_together(pool):
    active(pool, "public").remove("spring", "olga")
    change = propose(pool, "EXCLUDE", "public", "table", "log")
    assert change.proposed() == [Rule("EXCLUDE", "public", "table", "log")]
    change.commit("olga")
    assert rules(pool) == [("EXCLUDE table log in schema public of *SYSBAS", "ACTIVE", "")]


def test_a_rule_that_is_replaced_by_one_change_needs_no_other_that_removes_it(pool):
    active(pool, "public").remove("autumn", "olga")
    propose(pool, "DEFINITION", "public").commit("olga")
    assert rules(pool) == [("DEFINITION everything in schema public of *SYSBAS", "ACTIVE", "")]
    assert not CriteriaChange.objects.exists()


def test_a_pending_rule_is_withdrawn_at_once_and_its_change_with_the_last_one(pool):
    propose(pool, "EXCLUDE", "a")
    propose(pool, "EXCLUDE", "b")
    pool.criteria.get(schema="a").remove("", "olga")
    assert [rule.schema for rule in pool.criteria.all()] == ["b"] and CriteriaChange.objects.exists()
    pool.criteria.get().remove("", "olga")
    assert not CriteriaChange.objects.exists()


def test_rolled_back_is_as_it_was(pool):
    active(pool, "public").remove("spring", "olga")
    change = propose(pool, "EXCLUDE", "old")
    propose(pool, "EXCLUDE", "older", label="autumn")
    change.roll_back()
    assert rules(pool) == [
        ("EXCLUDE everything in schema older of *SYSBAS", "PENDING ADD", "autumn"),
        ("EXCLUDE everything in schema public of *SYSBAS", "ACTIVE", ""),
    ]
    assert CriteriaChange.objects.get().label == "autumn"


def test_the_same_label_in_two_pools_is_two_changes():
    first, second = make_pair(databases=("shop", "billing")).pools.all()
    change = propose(first, "EXCLUDE", "public")
    propose(second, "EXCLUDE", "public")
    change.commit("olga")
    assert rules(second) == [("EXCLUDE everything in schema public of billing", "PENDING ADD", "spring")]


# What is refused


@pytest.mark.parametrize(
    ("inclusion", "scope", "said"),
    [
        ("EXCLUDE", ("public", "tabel"), "type is 'tabel', needed in a schema is one of aggregate,"),
        ("EXCLUDE", ("public", "publication"), "type is 'publication', needed in a schema is one of"),
        ("EXCLUDE", ("", "table", "log"), "type is 'table', needed without a schema is one of access"),
        ("EXCLUDE", ("", "schema", "old"), "type is 'schema', needed without a schema is one of"),
        ("EXCLUDE", ("public", "", "log"), "name is 'log' without a type, needed is the type of the object"),
        ("DEFINITION", ("public", "view", "v"), "inclusion is DEFINITION for type 'view', which has no"),
        ("EXCLUDE", ("pg_catalog",), "schema pg_catalog is PostgreSQL's own: each node has its own"),
        ("EXCLUDE", ("mwa", "table"), "and always EXCLUDE; needed is another schema"),
    ],
)  # fmt: skip
def test_a_rule_that_no_object_could_match_is_refused(pool, inclusion, scope, said):
    refusal = why(propose, pool, inclusion, *scope)
    assert refusal.startswith(f"rule '{inclusion} ") and said in refusal
    assert rules(pool) == [] and not CriteriaChange.objects.exists()


def test_there_is_one_pending_rule_for_the_same(pool):
    propose(pool, "EXCLUDE", "public", "table", "log")
    assert why(propose, pool, "DEFINITION", "public", "table", "log", "autumn") == (
        "rule 'DEFINITION table log in schema public of *SYSBAS': 'EXCLUDE table log in schema public of"
        " *SYSBAS' is pending under 'spring'; needed is one rule for the same, so withdraw that one first"
    )
    assert len(rules(pool)) == 1 and CriteriaChange.objects.count() == 1


def test_a_rule_that_is_active_already_is_not_added(pool):
    active(pool, "public")
    assert why(propose, pool, "EXCLUDE", "public") == (
        "rule 'EXCLUDE everything in schema public of *SYSBAS' is active already;"
        " needed is a rule that changes something"
    )


def test_a_rule_that_is_being_removed_is_not_removed_under_another_label(pool):
    rule = active(pool, "public")
    rule.remove("autumn", "olga")
    assert why(rule.remove, "winter", "olga") == (
        "rule 'EXCLUDE everything in schema public of *SYSBAS' is being removed under 'autumn' already;"
        " needed is an active one"
    )


@pytest.mark.parametrize(
    ("label", "said"), [("", "is empty"), ("x" * 64, "at most 63 characters (it has 64)")]
)
def test_a_change_has_a_label(pool, label, said):
    assert said in why(propose, pool, "EXCLUDE", "old", "", "", label)
    rule = active(pool, "public")
    assert said in why(rule.remove, label, "olga")
    rule.refresh_from_db()
    assert rule.state == "ACTIVE" and not CriteriaChange.objects.exists()


def test_an_inclusion_is_one_of_the_vocabulary(pool):
    assert "Value 'OMIT' is not a valid choice" in why(propose, pool, "OMIT", "old")


def test_the_rules_of_the_system_are_told_apart_by_their_numbers():
    every = (system_criteria.DEFAULT, *system_criteria.RESTRICTED)
    assert len({rule.number for rule in every}) == len(every) and max(rule.number for rule in every) == 0
