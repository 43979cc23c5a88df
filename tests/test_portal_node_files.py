"""The access to a node's files in the browser: no host key is pinned unseen, no private key is shown."""

import re
from html import unescape

import pytest
from django.test import Client

from nodes.models import Node, Pair, PropertyChange
from tests.portal import make_pair, make_people
from tests.ssh_host import SshHost, free_port, need_ssh
from tracking.ifs.host_key import fingerprint, pinned

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair() -> Pair:
    return make_pair()


@pytest.fixture
def olga() -> Client:
    client = Client()
    client.force_login(make_people()["olga"])
    return client


@pytest.fixture
def far():
    need_ssh()
    made = SshHost()
    yield made
    made.close()


def given(far: SshHost, **more: str) -> dict[str, str]:
    typed = {"host": "127.0.0.1", "port": str(far.port), "user": "root", "private": far.key, **more}
    return {"files": "copy", **{f"copy-files-{name}": value for name, value in typed.items()}}


def post(client: Client, sent: dict[str, str]) -> str:
    response = client.post("/pairs/shop/nodes/", sent, follow=True)
    assert response.status_code == 200 and "PRIVATE" not in response.content.decode()
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def test_a_host_key_is_shown_first_and_pinned_only_when_it_is_given(pair, olga, far):
    seen = fingerprint(far.host_key)
    said = post(olga, given(far))
    assert seen in said and "nothing is stored before" in said
    assert (far.top / "login.pub").read_text().split()[1] in said
    assert Node.objects.get(pk=pair.copy.pk).file_host == ""
    assert "its host key is pinned" in post(olga, given(far, fingerprint=f" {seen} "))
    node = Node.objects.get(pk=pair.copy.pk)
    assert node.file_key == far.key.strip() and pinned(node.file_host_key) == pinned(far.host_key)
    noted = PropertyChange.objects.get()
    assert (noted.by, noted.name, noted.before) == ("olga", "files", "on the portal's host")
    assert noted.after == f"root@127.0.0.1 port {far.port}"
    assert "the key is forgotten" in post(olga, {"here": "copy"})
    node.refresh_from_db()
    assert (node.file_host, node.file_key, node.file_host_key) == ("", "", "")


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"fingerprint": "SHA256:other"}, "and not SHA256:other: somebody may be in between"),
        ({"private": "no key"}, "is no private key of ssh without a passphrase"),
        ({"host": "-oProxyCommand=x"}, "needed is one without - in front"),
        ({"user": "a b"}, "user 'a b'"),
        ({"port": "0"}, "greater than or equal to 1"),
        ({"port": "ssh"}, "Enter a whole number"),
        ({"private": ""}, "This field is required"),
    ],
)
def test_what_is_wrong_is_said_beside_it_and_nothing_is_stored(pair, olga, far, wrong, said):
    sent = {"fingerprint": fingerprint(far.host_key), **wrong}
    assert said in post(olga, given(far, **sent))
    assert not Node.objects.exclude(file_host="").exists() and not PropertyChange.objects.exists()


def test_a_host_that_is_away_is_named_and_a_garbled_side_changes_nothing(pair, olga, far):
    port = str(free_port())
    assert f"127.0.0.1 port {port}: " in post(olga, given(far, port=port))
    post(olga, {**given(far), "files": "elsewhere"})
    post(olga, {"here": "elsewhere"})
    assert not PropertyChange.objects.exists()
