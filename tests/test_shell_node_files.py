"""The access to a node's files from a shell: no host key is pinned unseen, no private key is shown."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from nodes.models import FileRoot, Node
from tests.portal import make_pair
from tests.ssh_host import SshHost, free_port, need_ssh
from tests.test_shell import mwa, refused
from tracking.ifs.host_key import fingerprint, pinned

pytestmark = pytest.mark.django_db


@pytest.fixture
def far(monkeypatch):
    need_ssh()
    made = SshHost()
    monkeypatch.setenv("MWA_SSH_KEY_FILE", str(made.top / "login"))
    Node.objects.create(name="new", conninfo="host=new")
    yield made
    made.close()


def here(far, *more):
    return ("node-files", "new", "--host", "127.0.0.1", "--port", str(far.port), *more)


def test_a_host_key_is_shown_first_and_pinned_only_when_it_is_confirmed(far):
    said = mwa(*here(far))
    seen = fingerprint(far.host_key)
    assert f"--fingerprint {seen}" in said and "nothing is stored" in said
    assert (far.top / "login.pub").read_text().split()[1] in said and "PRIVATE" not in said
    assert Node.objects.get().file_host == ""
    said = mwa(*here(far, "--fingerprint", seen))
    assert "its host key is pinned" in said and "PRIVATE" not in said
    node = Node.objects.get()
    assert (node.file_host, node.file_port, node.file_user) == ("127.0.0.1", far.port, "root")
    assert node.file_key == far.key.strip() and pinned(node.file_host_key) == pinned(far.host_key)


def test_the_private_key_is_stored_encrypted_and_can_be_forgotten(far):
    mwa(*here(far, "--fingerprint", fingerprint(far.host_key)))
    with connection.cursor() as cursor:
        cursor.execute("select file_key from nodes_node")
        assert "PRIVATE" not in cursor.fetchone()[0]
    assert "the key is forgotten" in mwa("node-files", "new", "--here")
    node = Node.objects.get()
    assert (node.file_host, node.file_key, node.file_host_key) == ("", "", "")


def test_another_fingerprint_than_the_one_that_is_seen_is_refused(far):
    wrong = fingerprint(far.host_key).swapcase().replace("sha256", "SHA256")
    why = refused(*here(far, "--fingerprint", wrong))
    assert fingerprint(far.host_key) in why and wrong in why and "nothing is stored" in why
    assert Node.objects.get().file_host == ""


def test_what_is_missing_or_wrong_is_said(far, monkeypatch, tmp_path):
    assert "there is no node old; there are: new" in refused("node-files", "old", "--here")
    port = str(free_port())
    assert f"127.0.0.1 port {port}: " in refused("node-files", "new", "--host", "127.0.0.1", "--port", port)
    assert "user 'a b'" in refused(*here(far, "--user", "a b", "--fingerprint", fingerprint(far.host_key)))
    monkeypatch.setenv("MWA_SSH_KEY_FILE", str(tmp_path / "gone"))
    assert "MWA_SSH_KEY_FILE: " in refused(*here(far))
    monkeypatch.delenv("MWA_SSH_KEY_FILE")
    assert "MWA_SSH_KEY is empty" in refused(*here(far))
    monkeypatch.setenv("MWA_SSH_KEY", "no key")
    assert refused(*here(far)) == "MWA_SSH_KEY: is no private key of ssh without a passphrase"
    with pytest.raises(CommandError, match="--host --here is required"):
        call_command("mwa", "node-files", "new", stdout=StringIO())
    assert Node.objects.get().file_host == ""


def test_a_root_is_added_whose_copy_is_on_another_host_and_not_looked_at_from_here(far, tmp_path):
    pair = make_pair()
    Node.objects.filter(pk=pair.copy.pk).update(file_host="elsewhere")
    (tmp_path / "old").mkdir()
    add, old = ("root", "add", "shop"), str(tmp_path / "old")
    assert "copy srv/new: a relative path" in refused(*add, old, "srv/new")
    assert f"source {tmp_path}/gone: does not exist" in refused(*add, f"{tmp_path}/gone", "/srv/new")
    assert "file root 1 of pair shop" in mwa(*add, old, "/srv/new")
    assert FileRoot.objects.get().copy == "/srv/new"
