"""A support bundle: what is in it, and that no secret of the portal is, wherever one has got to."""

import csv
import io
import json
import zipfile

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import AsyncClient
from django.utils import timezone

from nodes.models import Node, Pair
from tests.health import make_alerts, make_health, make_lines
from tests.portal import (
    make_copies,
    make_history,
    make_pair,
    make_people,
    make_root,
    make_synchronizing_pair,
    owe,
)
from tracking import bundle, exports
from tracking.models import DefinitionEntry, Message, NodeHealth, RecorderLine, set_phase

pytestmark = pytest.mark.django_db
KEY = """-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz
c2gtZWQyNTUxOQAAACDSeEQwqZ5jd0Vn7aJrTqvT0W7zOPLANTEDKEYLINE0123==
-----END OPENSSH PRIVATE KEY-----
"""
PASSWORDS = ("s3same-open", 'it\'s "quoted", back\\slash', "plain/url@sesame", "schlüssel-wort", "hunter2222")


def downloaded(user: User, pair: Pair) -> tuple[dict[str, bytes], bytes]:
    """The files of the bundle as it is served, and the whole of it."""

    async def go():
        client = AsyncClient()
        await client.aforce_login(user)
        answer = await client.get(f"/pairs/{pair.name}/support.zip")
        assert answer.status_code == 200 and answer["Content-Type"] == "application/zip"
        assert f"support-{pair.name}-" in answer["Content-Disposition"]
        return b"".join([piece async for piece in answer])

    whole = async_to_sync(go)()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}, whole


@pytest.fixture
def olga():
    return make_people()["olga"]


def filled() -> Pair:
    pair = make_synchronizing_pair()
    pool = pair.pools.get()
    make_history(pair)
    make_copies(pool, 10)
    make_health(pair)
    make_alerts(pair)
    make_lines(pair, 50)
    owe(make_root(pair), b"invoices/17", "FAILED", failure="no room")
    return pair


def test_everything_that_helps_is_in_it(olga):
    pair = filled()
    files, _ = downloaded(olga, pair)
    assert set(files) == {
        "README.txt", "versions.json", "settings.json", "pair.json", "health.json", "preflight.txt",
        "messages.csv", "journal.csv", "recorder.csv", *(f"qsys2/{view}.csv" for view in exports.VIEWS),
    }  # fmt: skip
    versions, shown = json.loads(files["versions.json"]), json.loads(files["pair.json"])
    assert versions["packages"]["Django"].startswith("5.2") and versions["nodes"]["old-shop"] == "16.14"
    assert shown["pair"]["name"] == "shop" and shown["pair"]["lag_limit_bytes"] == 256 * 2**20
    assert shown["nodes"][0]["leads to"] == "host=old" and "conninfo" not in shown["nodes"][0]
    assert shown["pools"][0]["state"] == "ACTIVE" and shown["file roots"][0]["source"] == "/srv/old"
    health = json.loads(files["health.json"])
    assert (
        len(health["nodes"]) == 2
        and len(health["alerts"]) == 3
        and health["thresholds"]["clock_seconds"] == 1
    )
    rows = {
        name: list(csv.reader(io.StringIO(files[name].decode()))) for name in files if name.endswith(".csv")
    }
    assert len(rows["messages.csv"]) == 1 + Message.objects.count() and len(rows["recorder.csv"]) > 50
    assert {len(row) for row in rows["qsys2/ifs_migration_list.csv"]} == {
        len(rows["qsys2/ifs_migration_list.csv"][0])
    }
    assert "invoices/17" in files["qsys2/ifs_migration_list.csv"].decode()
    assert "connection" in files["preflight.txt"].decode() and "olga" in files["README.txt"].decode()
    assert json.loads(files["settings.json"])["ENVIRONMENT"]["MWA_HOME"] == str(settings.HOME)


def plant(pair: Pair, monkeypatch) -> list[str]:
    """Secrets wherever there is a place for one, and in every text that is in a bundle; returns them."""
    from psycopg.conninfo import make_conninfo

    session_key, portal_key = "sessionkey" * 3, "credential-key-" + "k" * 29
    monkeypatch.setattr(settings, "SECRET_KEY", "django-secret-key-value")
    monkeypatch.setattr(settings, "REDIS_URL", "redis://u:red1s-secret@cache:6379/0")
    monkeypatch.setattr(settings, "DATABASE_URL", "postgresql://mwa:p0rtal%2Fsecret@db/mwa")
    monkeypatch.setenv("MWA_SECRET_KEY", "environment-secret-key")
    monkeypatch.setenv("MWA_CREDENTIAL_KEY", portal_key)
    Node.objects.filter(pk=pair.source.pk).update(
        conninfo=make_conninfo(host="old", password=PASSWORDS[1], sslpassword=PASSWORDS[4]), file_key=KEY
    )
    Node.objects.filter(pk=pair.copy.pk).update(conninfo="postgresql://mwa:plain%2Furl%40sesame@new/shop")
    Node.objects.create(name="third", conninfo=f"host=third password={PASSWORDS[0]}")
    Node.objects.create(name="fourth", conninfo=f"host=fourth password={PASSWORDS[3]}")
    Session.objects.create(session_key=session_key, session_data="x", expire_date=timezone.now())
    secrets = [
        *PASSWORDS, "plain%2Furl%40sesame", "django-secret-key-value", "red1s-secret", "p0rtal/secret",
        "p0rtal%2Fsecret", *KEY.splitlines()[1:3], *settings.CREDENTIAL_KEYS,
    ]  # fmt: skip
    said = " | ".join(secrets) + " password=never-known-anywhere "
    Message.objects.create(pair=pair, text=said)
    RecorderLine.objects.create(pair=pair, component="ENGINE", level=0, text=said, place=said)
    DefinitionEntry.objects.create(
        pool=pair.pools.get(), number=9, command="CREATE SUBSCRIPTION", object_type="subscription",
        identity=said, failure=said, state="FAILED",
    )  # fmt: skip
    set_phase(pair, "SYNC", "E", said)
    NodeHealth.note(pair, pair.source, None, said)
    owe(pair.file_roots.get(), said.encode(), "FAILED", failure=said)
    pair.file_roots.update(query=f"select 1 -- {said}")
    kept = ["environment-secret-key", portal_key, session_key, "never-known-anywhere"]
    hashes = list(User.objects.values_list("password", flat=True))
    return secrets + kept + hashes


def test_no_secret_is_in_any_file_of_it(olga, monkeypatch):
    pair = filled()
    secrets = plant(pair, monkeypatch)
    files, whole = downloaded(olga, pair)
    everything = {**files, "the archive": whole}
    for secret in secrets:
        for form in (secret, json.dumps(secret)[1:-1], secret.replace('"', '""'), secret.replace("'", "''")):
            for name, content in everything.items():
                assert form.encode() not in content, (form, name)
    for name in (
        "messages.csv",
        "recorder.csv",
        "health.json",
        "pair.json",
        "qsys2/library_migration_list.csv",
    ):
        assert b" | *** | " in files[name], name  # it was there
    for name in ("versions.json", "settings.json", "pair.json", "health.json"):
        json.loads(files[name])
    environment = json.loads(files["settings.json"])["ENVIRONMENT"]
    assert environment["MWA_SECRET_KEY"] == environment["MWA_CREDENTIAL_KEY"] == "set"
    for name in files:
        if name.endswith(".csv"):
            assert len({len(row) for row in csv.reader(io.StringIO(files[name].decode()))}) == 1, name


def test_a_key_that_opens_nothing_any_more_is_in_the_way_of_nothing_but_what_it_closes(olga, monkeypatch):
    from mwaportal.secretbox import new_key

    pair = filled()
    monkeypatch.setattr(settings, "CREDENTIAL_KEYS", [new_key()])
    files, _ = downloaded(olga, pair)
    assert b"could not be read: WrongCredentialKey" in files["pair.json"]
    assert b"could not be read" in files["preflight.txt"] and b"Checkpoint" in files["messages.csv"]


def test_lists_are_cut_and_memory_is_bounded(olga, monkeypatch):
    import tracemalloc

    pair = make_pair()
    monkeypatch.setattr(bundle.bundle_parts, "ROWS", 3_000)
    make_lines(pair, 12_000, "x" * 200 + " {}")
    tracemalloc.start()
    size = sum(len(piece) for piece in bundle.pieces(pair, "olga"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 10_000 and peak < 20_000_000
    files, _ = downloaded(olga, pair)
    assert len(files["recorder.csv"].splitlines()) == 3_001


def test_who_has_downloaded_it_is_recorded(olga):
    pair = make_pair()
    downloaded(olga, pair)
    assert pair.recorder_lines.get(component="PORTAL").text == "olga: downloaded a support bundle"


def test_a_name_of_63_characters_of_any_alphabet_is_a_name_of_a_file(olga):
    pair = make_pair()
    Pair.objects.filter(pk=pair.pk).update(name="ж" * 63)
    from django.test import Client

    client = Client()
    client.force_login(olga)
    answer = client.get(f"/pairs/{'ж' * 63}/support.zip")
    assert answer.status_code == 200 and "support-" in answer["Content-Disposition"]
