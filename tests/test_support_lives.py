"""Every type in the support table lives once while a pair is ACTIVE, and once while it is TRACKING."""

import pytest

from tests.definitions import application, assert_same, begun_and_paused, followed
from tests.lives import BEFORE, COMPARED, DESCRIBED, ELSEWHERE, Life
from tests.restore import carried, drop_roles, found
from tracking import support
from tracking.ifs.entry import CARRIED_TYPES, INELIGIBLE


def test_every_type_in_the_support_table_has_a_life():
    """Those of files are in tests/test_engine_files.py."""
    lives = [*DESCRIBED, *COMPARED, *ELSEWHERE, *CARRIED_TYPES, *INELIGIBLE, support.HARD_LINKS]
    assert sorted(lives) == sorted(row.object_type for row in support.rows())


@pytest.mark.parametrize("life", DESCRIBED.values(), ids=DESCRIBED)
def test_each_type_is_made_altered_renamed_and_dropped_while_active(database, life):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive(life.verbs)


@pytest.fixture
def paused(mirror):
    """Handed over once, definitions known, the stream off."""
    return begun_and_paused(mirror, BEFORE)


def resumed(mirror, *statements: str) -> None:
    """What an application does in a pause is there after the hand-over that ends it; a pause follows."""
    application(mirror, *statements)
    mirror.hand_over()
    assert_same(mirror)
    mirror.suspend()


@pytest.mark.parametrize("life", DESCRIBED.values(), ids=DESCRIBED)
def test_each_type_is_made_altered_renamed_and_dropped_while_tracking(paused, life: Life):
    for statement in life.verbs:
        resumed(paused, statement)
    resumed(paused, *life.verbs)


@pytest.fixture
def compared(request, database):
    """What no event trigger sees, with a name of the test's own in its statements; undone in the end."""
    unseen = COMPARED[request.param]
    with_names = {verb: text.replace("NAME", database.name) for verb, text in vars(unseen.life).items()}
    for node in (database.source, database.copy):
        for statement in unseen.before.replace("NAME", database.name).split("; "):
            node.execute(statement)
    yield request.param, Life(**with_names), unseen.by_hand
    for node in (database.source, database.copy):
        node.execute("alter system reset work_mem")
        for name in (database.name, f"{database.name}_2"):
            node.execute(
                f"revoke all on parameter work_mem from {name}" if _is_role(node, name) else "select 1"
            )
    drop_roles(database, [database.name, f"{database.name}_2"])


def _is_role(node, name: str) -> bool:
    return node.execute("select from pg_roles where rolname = %s", (name,)).rowcount == 1


def looked_at(database, object_type: str, by_hand: bool) -> int:
    """It is carried, or on the list with what is to be done; returns how many differences there were."""
    if not by_hand:
        return len(carried(database, object_type))
    differences = found(database, object_type)
    assert all(each.state == "INELIGIBLE" and each.why for each in differences)
    return len(differences)


@pytest.mark.parametrize("compared", COMPARED, indirect=True)
def test_what_is_compared_lives_while_somebody_looks(database, compared):
    """As while a pair is ACTIVE: after each statement."""
    object_type, life, by_hand = compared
    differences = []
    for statement in life.verbs:
        database.source.execute(statement)
        differences.append(looked_at(database, object_type, by_hand))
    assert all(differences[:-1])
    assert not by_hand or differences[-1] == 0  # what is gone is not on the list any more


@pytest.mark.parametrize("compared", COMPARED, indirect=True)
def test_what_is_compared_lives_while_nobody_looks(database, compared):
    """As while a pair is TRACKING: once, when that has ended."""
    object_type, life, by_hand = compared
    for statement in life.verbs[:-1]:
        database.source.execute(statement)
    assert looked_at(database, object_type, by_hand) > 0
    database.source.execute(life.drop)
    assert looked_at(database, object_type, by_hand) == 0 or not by_hand
    for statement in life.verbs:
        database.source.execute(statement)
    looked_at(database, object_type, by_hand)
