"""Defining nodes, pairs and databases: tested when given, refused with what is wrong, and no secret shown."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from nodes import defining
from nodes.models import CriteriaRule, Node, Pair, PropertyChange
from nodes.postgres import offered
from nodes.postgres.connect import Unreachable
from tests.portal import make_pair, make_synchronizing_pair, propose

pytestmark = pytest.mark.django_db
_AWAY = "host=127.0.0.1 port=1 user=mover password=sesame"


def why(act, *given, **named) -> str:
    with pytest.raises(ValidationError) as caught:
        act(*given, **named)
    return "; ".join(caught.value.messages)


def test_a_server_says_its_version_its_cluster_and_its_databases(servers, database):
    server = offered.ask(servers.source.conninfo())
    assert server.version == 16 and server.identifier
    assert server.identifier == offered.ask(database.source_conninfo).identifier
    assert server.identifier != offered.ask(servers.copy.conninfo()).identifier
    found = {each.name: each for each in offered.databases(servers.source.conninfo())}
    assert found[database.name].bytes > 1_000_000 and found[database.name].encoding == "UTF8"
    assert "template1" not in found


@pytest.mark.parametrize(
    "conninfo, said",
    [
        ("host=", "does not answer"),
        ("nonsense", "cannot be read"),
        ("postgresql://mover:sesame@half/@old/shop", "more than one @"),
        ("host=old port=sesame", "its port is not a number"),
        ("host=old password='sesame", "cannot be read"),
        (_AWAY, "refused"),
    ],
)
def test_a_connection_string_that_leads_nowhere_is_refused_without_being_shown(conninfo, said):
    text = why(defining.add_node, "old", conninfo, "olga", may_be_away=False)
    assert "node old" in text and said in text and "sesame" not in text
    assert not Node.objects.exists() and not PropertyChange.objects.exists()


def test_a_server_that_is_away_is_kept_only_where_that_was_said(servers):
    node, text = defining.add_node("old", _AWAY, "olga", may_be_away=True)
    assert "user=mover" in text and "sesame" not in text and node.version is None
    assert "cannot be read" in why(defining.add_node, "new", "nonsense", "olga", may_be_away=True)
    node, text = defining.add_node("copy", servers.copy.conninfo(), "olga", may_be_away=False)
    assert (text, node.version) == ("", 18) and node.identifier


def test_who_gave_a_connection_string_is_noted_without_the_password():
    node, _ = defining.add_node("old", _AWAY, "olga", may_be_away=True)
    defining.replace_conninfo(node, _AWAY.replace("port=1", "port=2"), "oskar", may_be_away=True)
    noted = list(PropertyChange.objects.values_list("by", "before", "after"))
    assert noted == [
        ("oskar", "user=mover host=127.0.0.1 port=1", "user=mover host=127.0.0.1 port=2"),
        ("olga", "", "user=mover host=127.0.0.1 port=1"),
    ]
    node.refresh_from_db()
    assert node.conninfo.endswith("port=2 user=mover password=sesame")


def test_a_pair_that_has_begun_is_not_led_to_another_cluster(servers):
    pair = make_synchronizing_pair()
    node, conninfo = pair.source, servers.source.conninfo()
    node.conninfo = conninfo
    node.learn_version()
    node.save()
    text = why(defining.replace_conninfo, node, servers.copy.conninfo(), "olga", may_be_away=True)
    assert f"part of pair shop, which has begun with cluster {node.identifier}; this string leads to" in text
    assert "does not answer" in why(defining.replace_conninfo, node, _AWAY, "olga", may_be_away=True)
    assert Node.objects.get(pk=node.pk).conninfo == conninfo
    assert defining.replace_conninfo(node, f"{conninfo} connect_timeout=3", "olga", may_be_away=False) == ""


def test_an_embedded_server_is_not_given_a_connection_string():
    node = Node.objects.create(name="demo", directory="/srv/demo", version=16)
    assert "embedded" in why(defining.replace_conninfo, node, _AWAY, "olga", may_be_away=True)


def test_databases_are_chosen_again_and_what_is_known_of_those_that_stay_stays():
    pair = make_pair(databases=("shop", "crm", "hr"))
    propose(pair.pools.get(database="crm"), "EXCLUDE", "old")
    defining.set_databases(pair, ["crm", "erp", "shop"])
    assert [(pool.number, pool.database) for pool in pair.pools.all()] == [
        (1, "crm"),
        (2, "erp"),
        (3, "shop"),
    ]
    assert str(pair.pools.get(number=1)) == "*SYSBAS"
    assert CriteriaRule.objects.get().pool.number == 1


@pytest.mark.parametrize(
    "databases, said",
    [
        ([], "was given no database"),
        (["shop", "shop"], "one of them twice"),
        (["template1"], "no template"),
        (["ä" * 32], "has 64 bytes"),
        ([""], "has 0 bytes"),
    ],
)
def test_databases_that_cannot_be_are_refused(databases, said):
    pair = make_pair()
    assert said in why(defining.set_databases, pair, databases)
    assert [pool.database for pool in pair.pools.all()] == ["shop"]


def test_the_databases_of_a_pair_that_was_started_stay():
    pair = make_pair()
    pair.ask("SYNC")
    text = why(defining.set_databases, pair, ["crm"])
    assert "its databases are chosen before it is started" in text
    pair.delete()
    assert "is gone" in why(defining.set_databases, pair, ["crm"])


@pytest.mark.parametrize("name", ["ß" * 63, "<b>x</b>", "new", "a/b", "🐘"])
def test_a_pair_may_be_called_what_people_like(name):
    nodes = make_pair("other")
    pair = defining.add_pair(name, nodes.source, nodes.copy, ["shop"])
    assert Pair.objects.get(name=name) == pair
    assert "already exists" in why(defining.add_pair, name, nodes.source, nodes.copy)
    assert "same node" in why(defining.add_pair, "more", nodes.source, nodes.source)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_define_the_same_pair_at_the_same_moment_one_is_told():
    nodes, outcomes, together = make_pair("other"), [], threading.Barrier(2)

    def add() -> None:
        together.wait(10)
        try:
            defining.add_pair("crm", nodes.source, nodes.copy, ["shop"])
            outcomes.append("added")
        except ValidationError as refusal:
            outcomes.append(" ".join(refusal.messages))
        finally:
            connection.close()

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["Pair with this Name already exists.", "added"]


def test_a_question_without_a_server_is_answered_at_once():
    with pytest.raises(Unreachable, match="is empty; needed is one as psql takes it"):
        offered.ask(" ")
