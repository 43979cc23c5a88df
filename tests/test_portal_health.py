"""The health center's page: what is known of both nodes, alerts, and thresholds that somebody changes."""

from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from mwaportal.access import Viewer
from nodes.models import Node
from tests.health import figures, make_alerts, make_health, make_room
from tests.portal import OLGA, make_pair, make_people, make_root, make_synchronizing_pair
from tracking.models import Alert, HealthSettings, NodeHealth
from tracking.pages import render_home, render_pair

pytestmark = pytest.mark.django_db
PATH = "/pairs/shop/health/"
THRESHOLDS = {
    "critical_seconds": "10", "normal_seconds": "60", "silent_seconds": "15", "storage_percent": "5",
    "held_bytes": "2 GB", "lag_bytes": "128 MB", "clock_seconds": "1", "transaction_seconds": "600",
    "connections_percent": "90",
}  # fmt: skip


@pytest.fixture
def people():
    return make_people()


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def parts_of(pair, viewer: Viewer = OLGA) -> dict[str, str]:
    """As they are read: without the markup."""
    shown = render_pair(pair.pk, "health", viewer)
    return {name: " ".join(unescape(strip_tags(html)).split()) for name, html in shown.items()}


def test_a_node_that_was_never_asked_is_unknown_and_not_well():
    parts = parts_of(make_pair())
    assert parts["figures"].count("Never asked") == 2 and "Answers" not in parts["figures"]
    assert "Clock difference: unknown" in parts["figures"]
    assert "No engine looks after this pair now" in parts["alerts"] and " 0 " not in parts["figures"]
    assert "Not measured yet" in parts["slots"] and "Not measured yet" in parts["activity"]


def test_what_was_measured_is_shown_with_its_time_and_what_cannot_be_known_with_the_reason():
    pair = make_synchronizing_pair()
    make_health(pair)
    parts = parts_of(pair)
    for piece in ("PostgreSQL 16.14", "PostgreSQL 18.4", "30.0 GB of 200 GB free, 15.0 %", "2.0 GB in pg_wal",
                  "the node's data directory cannot be seen from here", "83 of 120", "none of 20",
                  "the copy is 0.00 ms ahead of the source, give or take 2.00 ms",
                  "2.00 ms ahead of the engine's, give or take 1.00 ms"):  # fmt: skip
        assert piece in parts["figures"], piece
    assert parts["figures"].count("answers since") == 2 and "Measured" in parts["figures"]
    for piece in ("this pair", "another pair or a hand-over", "9.0 GB", "nobody", "pid 4711",
                  "streaming, async", "apply, pid 991, idle", "0 s ago", "No subscription."):  # fmt: skip
        assert piece in parts["slots"], piece
    assert (
        "21 min 0 s" in parts["activity"]
        and "48,112" in parts["activity"]
        and "prepared" in parts["activity"]
    )


def test_a_silent_node_shows_its_last_figures_and_since_when_it_is_silent():
    pair = make_pair()
    make_health(pair)
    NodeHealth.note(pair, pair.copy, None, "connection to server at <b>new</b> failed")
    row = NodeHealth.objects.get(node=pair.copy)
    html = render_pair(pair.pk, "health", OLGA)["figures"]
    assert "Does not answer" in html and "Silent since" in html and "These are the figures of" in html
    assert "PostgreSQL 18.4" in html and "&lt;b&gt;new" in html and "<b>new" not in html
    assert row.silent_since and row.measured_at and row.answers_since is None
    assert "Clock difference: unknown" in html


def test_names_and_statements_from_elsewhere_are_only_text():
    pair = make_pair("<script>alert(1)</script>")
    Node.objects.filter(pk=pair.source.pk).update(name="<i>" + "ü" * 60)
    make_health(pair)
    make_alerts(pair)
    html = "".join(render_pair(pair.pk, "health", OLGA).values())
    assert "<script>" not in html and "<i>ü" not in html and "<b>1" not in html and "<b>of" not in html
    assert "select &lt;b&gt;1" in html


def test_figures_of_another_version_of_this_program_are_as_if_there_were_none():
    pair = make_pair()
    NodeHealth.note(pair, pair.source, {"server": {"name": "x"}})
    assert "No figures yet" in parts_of(pair)["figures"]


def test_the_room_for_the_files_is_shown_beside_who_watches_them():
    pair = make_synchronizing_pair()
    make_room(make_root(pair))
    make_root(pair, "/srv/a", "/srv/b")
    html = parts_of(pair)["processes"]
    assert "inotify, watching" in html and "3.0 GB of 10.0 GB free, 30.0 %" in html and "unknown" in html


def test_whose_lease_it_is_is_said():
    pair = make_synchronizing_pair()
    assert "No engine works on this pair: nobody holds its lease" in parts_of(pair)["processes"]
    assert pair.take_lease("db-host-1:4711:ab12", 60)
    assert "process 4711 on db-host-1" in parts_of(pair)["processes"]


def test_open_alerts_need_somebody_on_every_page_until_one_acknowledges_them(people):
    pair = make_synchronizing_pair()
    slot, _ = make_alerts(pair)
    needed = render_pair(pair.pk, "", OLGA)["head"]
    assert "Log held by a slot: slot mwa_0badf0_1_f" in needed and "2.000 s" not in needed
    assert "Log held by a slot" in render_home()["pairs"]
    olga = client_of(people["olga"])
    answer = olga.post(f"{PATH}alerts/{slot.pk}/acknowledge/", follow=True)
    assert answer.status_code == 200 and "by olga" in answer.content.decode()
    assert "Log held by a slot" not in render_pair(pair.pk, "", OLGA)["head"]
    assert "Long transaction" in render_pair(pair.pk, "", OLGA)["head"]
    assert "holds 9.0 GB" in parts_of(pair)["alerts"]  # the figure stays


def test_two_people_acknowledge_at_once_and_the_second_is_told_who_was_first(people):
    pair = make_synchronizing_pair()
    slot, transaction = make_alerts(pair)
    path = f"{PATH}alerts/{slot.pk}/acknowledge/"
    client_of(people["olga"]).post(path)
    said = client_of(people["oskar"]).post(path, follow=True).content.decode()
    assert "olga has acknowledged this already" in said
    Alert.objects.filter(pk=transaction.pk).update(ended_at=timezone.now())
    said = client_of(people["oskar"]).post(f"{PATH}alerts/{transaction.pk}/acknowledge/", follow=True)
    assert "this is over" in said.content.decode()
    assert Alert.objects.get(pk=slot.pk).acknowledged_by == "olga"


def test_only_those_who_operate_acknowledge_and_change_thresholds(people):
    pair = make_synchronizing_pair()
    slot, _ = make_alerts(pair)
    for name in ("vera", "artur"):
        client = client_of(people[name])
        page = client.get(PATH).content.decode()
        assert "Save the thresholds" not in page and ">Acknowledge<" not in page and "128 MB" in page
        assert client.post(PATH, THRESHOLDS).status_code == 403
        assert client.post(f"{PATH}alerts/{slot.pk}/acknowledge/").status_code == 403
    assert client_of(people["otto"]).get(PATH).status_code == 403
    assert not HealthSettings.objects.exists()


def test_thresholds_are_changed_and_it_is_recorded_by_whom(people):
    pair = make_pair()
    given = {**THRESHOLDS, "held_bytes": "1.5 GB", "lag_bytes": "", "storage_percent": "10"}
    answer = client_of(people["olga"]).post(PATH, given)
    assert (answer.status_code, answer["Location"]) == (302, PATH)
    settings = HealthSettings.of(pair)
    assert (settings.held_bytes, settings.lag_bytes, settings.storage_percent) == (1.5 * 2**30, None, 10)
    (line,) = pair.recorder_lines.all()
    assert line.text == "olga: Storage: 5 % -> 10 %, Log held: 2.0 GB -> 1.5 GB, Lag: 128 MB -> not watched"
    page = client_of(people["olga"]).get(PATH).content.decode()
    assert 'value="1.5 GB"' in page
    client_of(people["olga"]).post(PATH, given)
    assert pair.recorder_lines.count() == 1  # nothing was changed


@pytest.mark.parametrize(
    "field, value, why",
    [
        ("held_bytes", "much", "'much' is not a size; needed is one like 512 MB or 2 GB"),
        ("held_bytes", "-1 GB", "is not a size"),
        ("held_bytes", "9999999999999 TB", "less than or equal to"),
        ("lag_bytes", "<b>1", "is not a size"),
        ("critical_seconds", "0", "greater than or equal to 1"),
        ("critical_seconds", "", "required"),
        ("storage_percent", "101", "less than or equal to 99"),
        ("clock_seconds", "nan", "Enter a number"),
        ("transaction_seconds", "1e400", "Enter a number"),
        ("normal_seconds", "9" * 400, "less than or equal to"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused_and_stays_typed(people, field, value, why):
    make_pair()
    answer = client_of(people["olga"]).post(PATH, {**THRESHOLDS, field: value})
    page = answer.content.decode()
    assert answer.status_code == 200 and why in unescape(page) and "<b>1" not in page
    assert not HealthSettings.objects.exists()


def test_a_size_that_was_shown_is_the_same_when_it_is_saved_again(people):
    pair = make_pair()
    HealthSettings.objects.create(pair=pair, held_bytes=1_234_567_891, lag_bytes=1_536)
    page = client_of(people["olga"]).get(PATH).content.decode()
    assert 'value="1234567891 B"' in page and 'value="1.5 kB"' in page
    given = {**THRESHOLDS, "held_bytes": "1234567891 B", "lag_bytes": "1.5 kB"}
    client_of(people["olga"]).post(PATH, given)
    assert HealthSettings.of(pair).held_bytes == 1_234_567_891
    assert not pair.recorder_lines.exists()


def test_an_alert_is_kept_open_only_once_whatever_swings(people):
    pair = make_pair()
    first, _ = make_alerts(pair)
    now = timezone.now()
    make_alerts(pair)
    assert Alert.objects.filter(pair=pair, ended_at=None).count() == 2
    Alert.settle(pair, [], [], now)
    assert Alert.objects.filter(pair=pair, ended_at=None).count() == 2  # one look is not enough
    make_alerts(pair)
    assert (
        Alert.objects.get(pk=first.pk).ended_at is None and Alert.objects.get(pk=first.pk).looks_within == 0
    )


def test_alerts_that_are_over_are_pruned():
    pair = make_pair()
    long_ago = timezone.now() - timedelta(days=1)
    given = {"pair": pair, "kind": "LAG", "text": "x", "value": 2, "threshold": 1}
    Alert.objects.bulk_create(Alert(key=f"/LAG/{n}", ended_at=long_ago, **given) for n in range(1_200))
    still = Alert.objects.create(key="/LAG/1", **given)
    Alert.prune(pair)
    assert Alert.objects.count() == 1_001 and Alert.objects.filter(pk=still.pk).exists()


def test_the_page_asks_the_database_little_whatever_it_shows(django_assert_max_num_queries):
    pair = make_synchronizing_pair()
    make_health(pair)
    make_alerts(pair)
    for number in range(5):
        make_room(make_root(pair, f"/srv/{number}", f"/new/{number}"))
    with django_assert_max_num_queries(16):
        render_pair(pair.pk, "health", OLGA)


def test_figures_without_anything_are_still_a_page():
    pair = make_pair()
    bare = figures(
        limits=[], sessions=[], volumes=[], databases=[], wal=None, missing={"wal": "permission denied"}
    )
    NodeHealth.note(pair, pair.source, bare.as_json())
    assert "unknown: permission denied" in parts_of(pair)["figures"]
