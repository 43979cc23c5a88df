"""Every type in the support table lives once while a pair is ACTIVE, and once while it is TRACKING."""

import pytest

from nodes.postgres.connect import connect, wait_until
from tests.definitions import followed, schema
from tests.lives import BEFORE, COMPARED, DESCRIBED, ELSEWHERE, Life
from tests.mirror import content
from tests.restore import carried, drop_roles, found
from tracking import support


def test_every_type_in_the_support_table_has_a_life():
    lives = [*DESCRIBED, *COMPARED, *ELSEWHERE]
    assert sorted(lives) == sorted(row.object_type for row in support.rows())


@pytest.mark.parametrize("life", DESCRIBED.values(), ids=DESCRIBED)
def test_each_type_is_made_altered_renamed_and_dropped_while_active(database, life):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive(life.verbs)


@pytest.fixture
def paused(mirror):
    """Handed over once, definitions known, the stream off."""
    mirror.begin(BEFORE)
    mirror.hand_over()
    wait_until(mirror.caught_up, "the stream", seconds=20)
    mirror.suspend()
    for node in (mirror.database.source, mirror.database.copy):
        node.execute("select mwa.learn_all()")
    return mirror


def resumed(mirror, *statements: str) -> None:
    """What an application does in a pause is there after the hand-over that ends it; a pause follows."""
    with connect(mirror.database.source_conninfo, "x", search_path="public") as session:
        session.execute("set application_name = 'shop'")
        for statement in statements:
            session.execute(statement)
    mirror.hand_over()
    wait_until(mirror.caught_up, "the stream", seconds=20)
    failures = "select carry_failure from mwa.definition_changes where carry_failure is not null"
    assert mirror.database.copy.execute(failures).fetchall() == []
    assert schema(mirror.database.copy_conninfo) == schema(mirror.database.source_conninfo)
    assert content(mirror.database.copy) == content(mirror.database.source)
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
