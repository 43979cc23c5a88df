"""Settings from the environment are understood, or refused with the name of what is wrong."""

import stat

import pytest
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

from mwaportal import portaldb
from mwaportal.env import envbool, envlist, envsecret, kept_secret


@pytest.mark.parametrize("value, meaning", [("True", True), ("False", False), ("", True)])
def test_a_boolean_is_written_out(monkeypatch, value, meaning):
    monkeypatch.setenv("MWA_X", value)
    assert envbool("MWA_X", True) is meaning


def test_nonsense_is_refused(monkeypatch):
    monkeypatch.setenv("MWA_X", "yes")
    with pytest.raises(ImproperlyConfigured, match="MWA_X is 'yes'; it has to be True or False"):
        envbool("MWA_X", False)


def test_a_list_is_split(monkeypatch):
    monkeypatch.setenv("MWA_X", "a, b,")
    assert envlist("MWA_X") == ["a", "b"]


def test_a_secret_may_lie_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "s").write_text("sesame\n")
    monkeypatch.setenv("MWA_X_FILE", str(tmp_path / "s"))
    assert envsecret("MWA_X") == "sesame"
    monkeypatch.setenv("MWA_X", "other")
    with pytest.raises(ImproperlyConfigured, match="both set"):
        envsecret("MWA_X")


def test_a_secret_file_that_is_missing_is_named(monkeypatch):
    monkeypatch.setenv("MWA_X_FILE", "/nowhere/s")
    with pytest.raises(ImproperlyConfigured, match="MWA_X_FILE: /nowhere/s cannot be read"):
        envsecret("MWA_X")


def test_a_kept_secret_is_made_once_and_for_its_owner(tmp_path):
    path = tmp_path / "home" / "key"
    assert kept_secret(path, lambda: "first") == kept_secret(path, lambda: "second") == "first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_a_url_becomes_django_settings_and_back(settings):
    entry = portaldb.database("postgresql://mwa:se%20same@db.example:5433/portal?sslmode=require")
    assert (entry["NAME"], entry["PASSWORD"], entry["OPTIONS"]["sslmode"]) == ("portal", "se same", "require")
    settings.DATABASES = {"default": entry}
    assert conninfo_to_dict(portaldb.portal_conninfo()) == {
        "user": "mwa", "password": "se same", "host": "db.example", "port": "5433",
        "dbname": "portal", "sslmode": "require", "connect_timeout": "10",
    }  # fmt: skip


@pytest.mark.parametrize(
    "url", ["postgresql://mwa:sesame@[db/portal", "sesame", "postgresql://mwa:sesame@db"]
)
def test_a_bad_url_is_refused_without_its_password(url):
    with pytest.raises(ImproperlyConfigured) as caught:
        portaldb.database(url)
    assert "DATABASE_URL" in str(caught.value) and "sesame" not in str(caught.value)
