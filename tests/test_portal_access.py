"""Who gets in, and what each group may do."""

from html import unescape

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mwaportal.access import Viewer, add_person, viewers
from mwaportal.models import TokenBucket
from nodes.models import CriteriaChange, CriteriaRule, FileRoot, Pair, SwapRequest
from tests.portal import PASSWORD, make_people, make_root, make_synchronizing_pair, owe, propose
from tracking.models import (
    CompareRun,
    CompareSchedule,
    DefinitionEntry,
    FileChange,
    FileCompare,
    Inventory,
    MigratedObject,
    OtherObject,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    return make_people()


@pytest.fixture
def pair() -> Pair:
    return make_synchronizing_pair()


@pytest.fixture
def browser(people):
    """browser("vera") is her browser, which sends CSRF tokens only where a form does."""

    def of(name: str) -> Client:
        client = Client()
        client.force_login(people[name])
        return client

    return of


@pytest.mark.parametrize("path", ["/", "/pairs/shop/", "/pairs/nothing/", "/elsewhere/"])
def test_without_login_every_page_leads_to_it(pair, path):
    response = Client().get(path)
    assert response.status_code == (404 if path == "/elsewhere/" else 302)
    if response.status_code == 302:
        assert response.url.startswith("/login/")


def test_signing_in_leads_back_to_the_page(people, pair):
    client = Client()
    response = client.post(
        "/login/?next=/pairs/shop/", {"username": "vera", "password": PASSWORD, "next": "/pairs/shop/"}
    )
    assert response.url == "/pairs/shop/"
    assert client.get("/pairs/shop/").status_code == 200


def test_nobody_is_led_elsewhere_after_signing_in(people):
    data = {"username": "vera", "password": PASSWORD, "next": "https://evil.example/"}
    assert Client().post("/login/", data).url == "/"


@pytest.mark.parametrize("path", ["/", "/pairs/shop/", "/pairs/nothing/"])
def test_an_outsider_sees_nothing_not_even_which_pairs_exist(browser, pair, path):
    response = browser("otto").get(path)
    assert response.status_code == 403
    assert b"otto may not see the pairs" in response.content


@pytest.mark.parametrize("path", ["/", "/pairs/shop/", "/pairs/shop/criteria/", "/pairs/shop/files/"])
@pytest.mark.parametrize("name", ["olga", "artur", "vera"])
def test_every_group_sees_the_pages(browser, pair, path, name):
    response = browser(name).get(path)
    assert response.status_code == 200 and b"shop" in response.content
    assert b"sesame" not in response.content


def actions(pair: Pair, requester) -> dict[str, tuple[str, str]]:
    """Every action with its URL and who may take it."""
    swap = SwapRequest.request(pair, requester)
    entry = DefinitionEntry.objects.create(pool=pair.pools.get(), number=1, command="CREATE VIEW")
    other = OtherObject.objects.create(
        pool=pair.pools.get(), object_type="TABLESPACE", name="fast", change="missing", state="INELIGIBLE"
    )
    migrated = MigratedObject.objects.create(
        pool=pair.pools.get(), identity="public.v", object_type="view", tracked_at=timezone.now(),
        ended_at=timezone.now(),
    )  # fmt: skip
    file = owe(make_root(pair), b"file", "FAILED")
    change = propose(pair.pools.get(), "EXCLUDE", "old")
    rule = change.rules.get()
    run = CompareRun.objects.create(pool=pair.pools.get())
    result = run.results.create(schema="public", name="t", verdict="EQUAL")
    files = FileCompare.objects.create(root=pair.file_roots.get())
    at = {"name": pair.name}
    acts = {
        act: (reverse("definition", kwargs={**at, "pk": entry.pk, "act": act}), "olga")
        for act in DefinitionEntry.ACTS
    }
    return {
        **acts,
        "forget": (reverse("migrated-remove", kwargs={**at, "pk": migrated.pk}), "olga"),
        "start": (reverse("pair-ask", kwargs={**at, "how": "start"}), "olga"),
        "pause": (reverse("pair-ask", kwargs={**at, "how": "pause"}), "olga"),
        "request": (reverse("swap-request", kwargs=at), "olga"),
        "compare": (reverse("pool-compare", kwargs={**at, "number": 1}), "olga"),
        "compare anything": (reverse("compare-start", kwargs=at), "olga"),
        "compare by itself": (reverse("compare-schedule", kwargs=at), "olga"),
        "stop a compare": (reverse("compare-stop", kwargs={**at, "pk": run.pk}), "olga"),
        "stop a compare of files": (reverse("compare-stop-files", kwargs={**at, "pk": files.pk}), "olga"),
        "compare again": (reverse("compare-again", kwargs={**at, "pk": result.pk}), "olga"),
        "count": (reverse("types-count", kwargs=at), "olga"),
        "tick off another": (reverse("other", kwargs={**at, "pk": other.pk, "act": "done"}), "olga"),
        "remove a rule": (reverse("rule-remove", kwargs={**at, "pk": rule.pk}), "olga"),
        "commit": (reverse("criteria-commit", kwargs={**at, "pk": change.pk}), "olga"),
        "roll back": (reverse("criteria-roll-back", kwargs={**at, "pk": change.pk}), "olga"),
        "add a rule": (reverse("criteria", kwargs=at), "olga"),
        "add a root": (reverse("files", kwargs=at), "olga"),
        "remove a root": (reverse("root-remove", kwargs={**at, "number": 1}), "olga"),
        "compare a root": (reverse("root-compare", kwargs={**at, "number": 1}), "olga"),
        "omit a file": (reverse("file", kwargs={**at, "pk": file.pk, "act": "omit"}), "olga"),
        "approve": (reverse("swap-approve", kwargs={**at, "pk": swap.pk}), "artur"),
        "reject": (reverse("swap-reject", kwargs={**at, "pk": swap.pk}), "artur"),
        "cancel": (reverse("swap-cancel", kwargs={**at, "pk": swap.pk}), "olga"),
    }


ACTIONS = [
    "start", "pause", "request", "compare", "compare anything", "compare by itself", "stop a compare",
    "stop a compare of files", "compare again", "count", *DefinitionEntry.ACTS, "forget", "tick off another",
    "remove a rule", "commit", "roll back", "add a rule", "add a root", "remove a root", "compare a root",
    "omit a file", "approve", "reject", "cancel",
]  # fmt: skip


def everything(pair: Pair) -> tuple:
    return (
        list(Pair.objects.values()), list(SwapRequest.objects.values()),
        list(DefinitionEntry.objects.values()), list(CompareRun.objects.values()),
        list(OtherObject.objects.values()), list(MigratedObject.objects.values()),
        list(CriteriaRule.objects.values()), list(CriteriaChange.objects.values()),
        list(FileRoot.objects.values()), list(FileChange.objects.values()),
        list(FileCompare.objects.values()), CompareSchedule.objects.count(), Inventory.objects.count(),
    )  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_refused_to_everybody_it_is_not_for(browser, people, pair, action):
    url, who = actions(pair, people["olga"])[action]
    before = everything(pair)
    for name in {"vera", "otto", "olga", "artur"} - {who}:
        assert browser(name).post(url).status_code == 403
    assert Client().post(url).status_code == 302
    assert everything(pair) == before


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_never_taken_by_a_link(browser, people, pair, action):
    url, who = actions(pair, people["olga"])[action]
    before = everything(pair)
    assert browser(who).get(url).status_code == (200 if action in ("add a rule", "add a root") else 405)
    assert everything(pair) == before


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_needs_the_token_of_a_form(people, pair, action):
    url, who = actions(pair, people["olga"])[action]
    client = Client(enforce_csrf_checks=True)
    client.force_login(people[who])
    assert client.post(url).status_code == 403


def test_a_stakeholder_is_offered_nothing(browser, people, pair):
    actions(pair, people["olga"])
    for key in ("", "criteria/", "files/", "compare/", "cutover/", "types/"):
        page = browser("vera").get(f"/pairs/shop/{key}").content.decode()
        assert "formaction" not in page and "Add a " not in page and "Compare now" not in page


def test_viewers_are_told_apart_by_what_they_may_do(people):
    found = viewers(user.pk for user in people.values())
    assert found[people["vera"].pk] == Viewer()
    assert found[people["artur"].pk] == Viewer(approve=True, user_id=people["artur"].pk)
    assert found[people["olga"].pk] == Viewer(operate=True, request=True, user_id=people["olga"].pk)
    assert people["otto"].pk not in found


def test_a_new_person_gets_a_password_that_works(people):
    password = add_person("nora", "Approvers", one_time=False)
    assert Client().login(username="nora", password=password)


@pytest.mark.parametrize("name", ["", "no ra", "x" * 151])
def test_a_name_that_nobody_can_have_makes_no_person(name):
    with pytest.raises(ValidationError):
        add_person(name, "Approvers", one_time=False)
    assert not User.objects.exists()


def sign_in(name: str, password: str) -> Client:
    client = Client()
    client.post("/login/", {"username": name, "password": password})
    return client


def choose(client: Client, old: str, new: str) -> str:
    """What the page says after a password was chosen."""
    data = {"old_password": old, "new_password1": new, "new_password2": new}
    return unescape(client.post("/password/", data, follow=True).content.decode())


@pytest.mark.parametrize("path", ["/", "/pairs/shop/", "/pairs/nothing/"])
def test_a_one_time_password_opens_nothing_but_the_page_that_changes_it(pair, path):
    client = sign_in("nora", add_person("nora", "Administrators", one_time=True))
    assert client.get(path).url == "/password/"
    assert client.post("/pairs/shop/pause/").url == "/password/" and Pair.objects.get().goal == "SYNC"
    assert "You have signed in with a one-time password" in client.get("/password/").content.decode()


def test_a_password_of_one_s_own_opens_the_rest_and_ends_the_other_sessions(pair):
    password = add_person("nora", "Administrators", one_time=True)
    client, elsewhere = sign_in("nora", password), sign_in("nora", password)
    assert "This is the password you have" in choose(client, password, password)
    assert "too short" in choose(client, password, "short")
    assert "incorrectly" in choose(client, "guessed", "another horse")
    assert client.get("/").url == "/password/"
    assert "Your password has been changed" in choose(client, password, "another horse")
    assert client.get("/pairs/shop/").status_code == 200
    assert elsewhere.get("/").url.startswith("/login/")
    assert "one-time" not in client.get("/password/").content.decode()


def test_a_password_is_changed_with_the_token_of_a_form_and_by_its_owner_only(people):
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["vera"])
    assert client.post("/password/", {}).status_code == 403
    assert Client().get("/password/").url.startswith("/login/")


def attempt(client: Client, name: str, password: str, **headers: str) -> bytes:
    return client.post("/login/", {"username": name, "password": password}, **headers).content


def test_guessing_passwords_is_stopped_after_twenty_from_one_address(people):
    client = Client()
    for n in range(20):
        assert b"Too many attempts" not in attempt(client, f"guess{n}", "wrong")
    assert b"Too many attempts" in attempt(client, "vera", PASSWORD)
    assert b"Too many attempts" not in attempt(client, "vera", "wrong", REMOTE_ADDR="192.0.2.7")


def test_guessing_one_name_is_stopped_from_however_many_addresses(people):
    for n in range(40):
        attempt(Client(), "Vera", "wrong", REMOTE_ADDR=f"192.0.2.{n}")
    assert b"Too many attempts" in attempt(Client(), "vera", PASSWORD, REMOTE_ADDR="192.0.2.99")


def test_signing_in_rightly_costs_nothing(people):
    for _ in range(25):
        client = Client()
        attempt(client, "vera", PASSWORD)
        assert client.session.get("_auth_user_id")


def test_attempts_come_back_with_time(people, monkeypatch):
    assert TokenBucket.take("x", 2, 100) and TokenBucket.take("x", 2, 100)
    assert not TokenBucket.take("x", 2, 100)
    TokenBucket.objects.update(updated=TokenBucket.objects.get().updated.replace(year=2020))
    assert TokenBucket.take("x", 2, 100)


def test_a_forwarded_address_is_believed_from_our_own_proxy_only(rf, settings):
    from mwaportal.views import client_address

    request = rf.get("/", HTTP_X_FORWARDED_FOR="203.0.113.5, 198.51.100.4", REMOTE_ADDR="10.0.0.1")
    assert client_address(request) == "10.0.0.1"
    settings.TRUSTED_PROXIES = ["10.0.0.1"]
    assert client_address(request) == "198.51.100.4"


def test_every_answer_forbids_what_the_page_does_not_need(browser, pair):
    policy = browser("vera").get("/pairs/shop/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy
    assert "unsafe" not in policy and "nonce" not in policy
