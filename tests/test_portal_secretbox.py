"""A connection string is stored encrypted, opens with the right key only, and shows up nowhere."""

import pickle

import pytest
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.core.serializers import serialize
from django.db import connection
from django.forms import modelform_factory

from mwaportal.checks import credential_key
from mwaportal.logs import redact
from mwaportal.secretbox import WrongCredentialKey, new_key
from nodes.models import Node

CONNINFO = "host=old user=mwa password=open-sesame"


@pytest.fixture
def node(db) -> Node:
    Node.objects.create(name="old", conninfo=CONNINFO)
    return Node.objects.get()


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("select conninfo from nodes_node")
        return cursor.fetchone()[0]


def test_the_database_holds_no_plain_text(node):
    assert node.conninfo == CONNINFO
    assert "sesame" not in stored() and "host" not in stored()


def test_an_update_in_the_database_is_encrypted_too(node):
    Node.objects.update(conninfo="host=other password=open-sesame")
    assert "sesame" not in stored()
    node.refresh_from_db()
    assert node.conninfo.startswith("host=other")


def test_no_way_of_showing_a_node_shows_its_secret(node):
    form = modelform_factory(Node, fields=["name", "conninfo"])(instance=node)
    unsaved = Node(name="new", conninfo=CONNINFO)
    shown = [repr(node), repr(vars(node)), repr(vars(unsaved)), serialize("json", [node]), form.as_p()]
    shown.append(repr(pickle.dumps(node)))
    assert not [text for text in shown if "sesame" in text]


def test_a_form_that_leaves_it_empty_keeps_it(node):
    form = modelform_factory(Node, fields=["name", "conninfo"])
    form({"name": "older", "conninfo": ""}, instance=node).save()
    node.refresh_from_db()
    assert (node.name, node.conninfo) == ("older", CONNINFO)


def test_it_cannot_be_searched(node):
    with pytest.raises(FieldError, match="encrypted"):
        Node.objects.filter(conninfo=CONNINFO).exists()


def test_with_a_wrong_key_the_node_is_listed_and_its_secret_says_what_is_missing(node, settings):
    settings.CREDENTIAL_KEYS = [new_key()]
    again = Node.objects.get()
    assert again.name == "old"
    with pytest.raises(WrongCredentialKey, match="conninfo of node old cannot be opened"):
        again.conninfo  # noqa: B018


def test_rotating_makes_the_old_key_superfluous(node, settings):
    new = new_key()
    settings.CREDENTIAL_KEYS = [new, *settings.CREDENTIAL_KEYS]
    call_command("rotate_credential_key", verbosity=0)
    settings.CREDENTIAL_KEYS = [new]
    assert Node.objects.get().conninfo == CONNINFO


def test_rotating_without_the_old_key_changes_nothing(node, settings):
    before = stored()
    settings.CREDENTIAL_KEYS = [new_key()]
    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("rotate_credential_key", verbosity=0)
    assert stored() == before


def test_a_key_that_is_none_is_refused_without_repeating_it(settings):
    settings.CREDENTIAL_KEYS = ["my-favourite-key"]
    (error,) = credential_key()
    assert "key 1 in MWA_CREDENTIAL_KEY" in error.msg and "favourite" not in str(error)
    with pytest.raises(ImproperlyConfigured):
        Node(conninfo=CONNINFO)


@pytest.mark.parametrize(
    "line",
    [
        "password=sesame x", "Password = 'se same' x", "postgresql://u:sesame@h/d x",
        "{'PASSWORD': 'sesame', 'HOST': 'h'} x", '{"password": "se same"} x',
        "alter role app password 'sesame' x", "options (user 'u', password 'it''s sesame') x",
        "execute 'alter role app password ''sesame''' x",
    ],
)  # fmt: skip
def test_log_lines_lose_their_passwords(line):
    assert "sesame" not in redact(line) and "se same" not in redact(line) and redact(line).endswith(" x")


def test_a_statement_that_was_cut_off_in_its_password_loses_what_is_left_of_it():
    assert redact("create role app password 'sesa") == "create role app password ***"
    assert redact("do 'alter role app password ''sesa") == "do 'alter role app password ***"


def test_what_only_speaks_of_passwords_is_left_alone():
    line = 'password authentication failed for user "app"; no password was given'
    assert redact(line) == line
