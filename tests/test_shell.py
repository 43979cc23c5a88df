"""The portal from a shell: every verb does what the page does, refuses as it does, and says why."""

import json
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from nodes.models import CriteriaRule, Node, Pair, SwapRequest
from nodes.postgres.connect import connect, for_database, one
from tests.portal import PASSWORD, make_history, make_pair, make_people, make_synchronizing_pair, propose
from tracking.models import CompareRun, DefinitionEntry, OtherObject, set_state

pytestmark = pytest.mark.django_db


def mwa(*words: str) -> str:
    """What the command prints."""
    said = StringIO()
    call_command("mwa", *words, stdout=said)
    return said.getvalue()


def refused(*words: str) -> str:
    """What the command says where it fails."""
    with pytest.raises(CommandError) as caught:
        mwa(*words)
    return str(caught.value)


@pytest.fixture
def people(monkeypatch):
    monkeypatch.setenv("MWA_PASSWORD", PASSWORD)
    return make_people()


@pytest.fixture
def nodes():
    make_pair("other")


def test_a_node_is_defined_without_showing_its_password_and_may_be_away(monkeypatch):
    monkeypatch.setenv("MWA_CONNINFO", "host=127.0.0.1 port=1 user=mover password=sesame")
    said = mwa("node", "old")
    assert "node old is defined and does not answer: user=mover" in said and "sesame" not in said
    assert Node.objects.get().conninfo == "host=127.0.0.1 port=1 user=mover password=sesame"
    assert refused("node", "old") == "name: Node with this Name already exists."
    monkeypatch.delenv("MWA_CONNINFO")
    assert "MWA_CONNINFO is empty" in refused("node", "new")


def test_a_person_is_made_with_a_password_to_be_changed_and_swaps_nothing_before(monkeypatch):
    pair = make_synchronizing_pair()
    said = mwa("person", "nora", "--role", "administrator")
    password = said.split()[-1]
    nora = authenticate(username="nora", password=password)
    assert [group.name for group in nora.groups.all()] == ["Administrators"]
    monkeypatch.setenv("MWA_PASSWORD", password)
    assert "nora has a one-time password" in refused("swap", "request", "shop", "--user", "nora")
    assert not pair.swaps.exists()


def test_a_person_who_is_there_gets_another_role_and_password():
    first = mwa("person", "nora", "--role", "administrator").split()[-1]
    second = mwa("person", "nora", "--role", "stakeholder").split()[-1]
    assert authenticate(username="nora", password=first) is None
    nora = authenticate(username="nora", password=second)
    assert [group.name for group in nora.groups.all()] == ["Stakeholders"]
    assert refused("person", "no ra", "--role", "approver").startswith("username: Enter a valid username")


def test_a_node_that_answers_says_its_version(servers, monkeypatch):
    monkeypatch.setenv("MWA_CONNINFO", servers.source.conninfo())
    assert "PostgreSQL 16" in mwa("node", "old")
    assert Node.objects.get().version == 16


def test_a_pair_is_defined_as_a_whole_or_not_at_all(nodes):
    assert "crm, one of them twice" in refused("pair", "crm", "old-other", "new-other", "crm", "crm")
    assert "source and copy are the same node" in refused("pair", "crm", "old-other", "old-other", "crm")
    assert "neither empty nor . nor .." in refused("pair", "..", "old-other", "new-other", "crm")
    assert refused("pair", "crm", "old-other", "new", "crm") == (
        "there is no node new; there are: new-other, old-other"
    )
    assert not Pair.objects.filter(name__in=("crm", "..")).exists()
    mwa("pair", "crm", "old-other", "new-other", "crm", "billing")
    assert [str(pool) for pool in Pair.objects.get(name="crm").pools.all()] == ["*SYSBAS", "billing"]


@pytest.mark.parametrize("verb", ["preflight", "start", "pause", "remove", "compare", "status", "criteria"])
def test_a_pair_that_is_not_there_is_named_with_those_that_are(nodes, verb):
    assert refused(verb, "crm") == "there is no pair crm; there are: other"


def test_a_property_is_set_within_its_limits():
    pair = make_pair()
    assert mwa("set", "shop", "synchronous", "True") == "synchronous of pair shop is True\n"
    assert refused("set", "shop", "parallel_degree", "0") == "parallel_degree: is 0, needed is at least 1"
    assert "must be either True or False" in refused("set", "shop", "synchronous", "perhaps")
    pair.refresh_from_db()
    assert pair.synchronous and pair.parallel_degree == 2


def test_a_property_is_set_for_one_pool_and_taken_back():
    pair = make_pair(databases=("shop", "erp"))
    assert mwa("set", "shop", "lag_limit_bytes", "1 GB", "--pool", "erp") == (
        "lag_limit_bytes of pool erp of pair shop is 1073741824, its own\n"
    )
    mwa("set", "shop", "parallel_degree", "8", "--pool", "1", "--user", "olga")
    assert [pool.own_properties for pool in pair.pools.all()] == [
        {"parallel_degree": 8}, {"lag_limit_bytes": 2**30},
    ]  # fmt: skip
    shown = json.loads(mwa("status", "shop"))["pools"]
    assert [pool["own_properties"] for pool in shown] == [{"parallel_degree": 8}, {"lag_limit_bytes": 2**30}]
    assert mwa("set", "shop", "lag_limit_bytes", "--as-pair", "--pool", "2") == (
        "lag_limit_bytes of pool erp of pair shop is 268435456, as the pair\n"
    )
    assert pair.pools.get(number=2).own_properties == {}


@pytest.mark.parametrize(
    "given, why",
    [
        (["parallel_degree", "4", "--pool", "crm"], "pair shop has no pool crm; it has: 1 shop, 2 erp"),
        (["parallel_degree", "--pool", "erp"], "parallel_degree was given no value; needed is a value"),
        (["parallel_degree"], "parallel_degree was given no value; needed is a value"),
        (["parallel_degree", "4", "--as-pair", "--pool", "erp"], "was given '4' and --as-pair"),
        (["parallel_degree", "--as-pair"], "--as-pair was given without --pool"),
        (["swap_budget_ms", "4", "--pool", "erp"], "swap_budget_ms: is the pair's alone"),
        (["parallel_degree", "0", "--pool", "erp"], "parallel_degree: is 0, needed is at least 1"),
    ],
)
def test_a_property_of_a_pool_is_refused_with_what_is_needed(given, why):
    pair = make_pair(databases=("shop", "erp"))
    assert why in refused("set", "shop", *given)
    assert pair.pools.filter(own_properties={}).count() == 2


def test_a_wait_ends_with_what_it_saw_and_whether_anybody_works_on_it():
    pair = make_synchronizing_pair()
    set_state(pair.pools.get(), "TRACKING", "SUSPENDED", 9040, "ALTER TABLE public.orders")
    why = refused("start", "shop", "--wait", "0.1")
    assert why.startswith("not SYNC after 0.1 s: pair shop is Synchronizing")
    assert (
        "*SYSBAS TRACKING SUSPENDED A definition could not be carried: ALTER TABLE public.orders" in why
        and "no engine works on it" in why
    )
    pair.take_lease("somebody", 60)
    assert "no engine" not in refused("start", "shop", "--wait", "0.1")


def test_a_compare_that_cannot_begin_says_so_at_once():
    pair = make_synchronizing_pair()
    set_state(pair.pools.get(), "TRACKING", "SUSPENDED", 212)
    assert "is TRACKING SUSPENDED; a compare needs ACTIVE REPLICATING" in refused("compare", "shop")
    assert not CompareRun.objects.exists()


def test_a_compare_that_nobody_carries_out_is_not_waited_for_for_ever():
    make_synchronizing_pair()
    assert refused("compare", "shop", "--wait", "0.1").startswith("not compared after 0.1 s: pair shop is")
    assert "has not ended yet" in refused("compare", "shop")


def test_definitions_are_listed_and_ticked_off_once():
    pair = make_synchronizing_pair()
    make_history(pair)
    first, second = DefinitionEntry.objects.order_by("number")
    assert f"{first.pk}  shop  INELIGIBLE  ALTER TYPE public.mood" in mwa("definitions", "shop")
    left = mwa("definitions", "shop", "--done", str(first.pk), "--user", "olga")
    assert "ALTER TYPE" not in left and f"{second.pk}  shop  INELIGIBLE  CREATE VIEW" in left
    first.refresh_from_db()
    assert first.done_by == "olga"
    assert "is ticked off by olga" in refused("definitions", "shop", "--done", str(first.pk))
    assert refused("definitions", "shop", "--done", "0") == (
        "pair shop has no definition 0 to be done by hand"
    )


def test_the_list_is_shown_and_its_entries_are_acted_upon():
    pair = make_synchronizing_pair()
    make_history(pair)
    role = {"object_type": "ROLE", "name": "seller", "change": "missing", "state": "FAILED", "why": "no room"}
    other = OtherObject.objects.create(pool=pair.pools.get(), **role)
    first, second = DefinitionEntry.objects.order_by("number")
    assert mwa("list", "shop").splitlines() == [
        f"d{first.pk}  shop  INELIGIBLE  ALTER TYPE public.mood",
        f"d{second.pk}  shop  INELIGIBLE  CREATE VIEW public.<b>today</b>",
        f"o{other.pk}  shop  FAILED  ROLE seller  no room",
    ]
    said = mwa("entry", "shop", f"d{first.pk}", "omit", "--user", "olga")
    assert said == "ALTER TYPE public.mood: INELIGIBLE and OMITTED by olga\n"
    assert mwa("entry", "shop", f"o{other.pk}", "prioritize", "0") == "ROLE seller: FAILED\n"
    assert f"o{other.pk}  shop  FAILED  priority 0  ROLE seller  no room" in mwa("list", "shop")
    assert mwa("entry", "shop", f"d{second.pk}", "remove").endswith(": removed\n")
    assert "'remove' was asked of 'ROLE seller'" in refused("entry", "shop", f"o{other.pk}", "remove")
    assert "needed is a number from 0" in refused("entry", "shop", f"o{other.pk}", "prioritize", "first")
    for number in (f"d{second.pk}", "x1", "d", "1", "d1.5"):
        assert f"pair shop has no entry {number}; mwa list shop shows" in refused(
            "entry", "shop", number, "omit"
        )


def test_a_rule_is_added_listed_committed_and_removed():
    pool = make_pair().pools.get()
    about = ("--schema", "public", "--type", "table", "--object", "log")
    said = mwa("criteria", "shop", "--add", "EXCLUDE", *about, "--label", "spring", "--user", "olga")
    rule = CriteriaRule.objects.get()
    line = f"{rule.pk}  shop  PENDING ADD  EXCLUDE table log in schema public of *SYSBAS  spring\n"
    assert said.startswith(line) and said == mwa("criteria", "shop")
    pending = "criteria change 'spring' of pool *SYSBAS: The engine is looking at it, once one works"
    assert pending in said and pool.criteria_changes.get().by == "olga"
    assert mwa("criteria", "shop", "--commit", "spring") == line.replace("PENDING ADD", "ACTIVE").replace(
        "  spring", ""
    )
    assert "PENDING REMOVE" in mwa("criteria", "shop", "--remove", str(rule.pk), "--label", "autumn")
    assert "ACTIVE" in mwa("criteria", "shop", "--roll-back", "autumn")
    mwa("criteria", "shop", "--remove", str(rule.pk), "--label", "autumn")
    assert mwa("criteria", "shop", "--commit", "autumn") == ""


def test_a_preview_is_printed_with_what_forbids_it():
    change = propose(make_pair().pools.get(), "EXCLUDE", "public", "table", "log")
    log = {"object_type": "table", "schema": "public", "identity": "public.log", "before": "INCLUDE",
           "after": "EXCLUDE", "effect": "is not made on the copy"}  # fmt: skip
    change.show({"changes": [log], "more": 4, "refusals": ["view v needs table public.log"]})
    assert mwa("criteria", "shop", "--preview", "spring").splitlines() == [
        "criteria change 'spring' of pool *SYSBAS: The migration could not begin with it;"
        " objects that change: 5",
        "    view v needs table public.log",
        "    table public.log: INCLUDE -> EXCLUDE, is not made on the copy",
        "    and 4 more",
    ]
    assert "public.log: INCLUDE" not in mwa("criteria", "shop")


def test_a_commit_that_is_refused_or_not_seen_to_is_a_failure():
    change = propose(make_synchronizing_pair().pools.get(), "EXCLUDE", "old")
    assert "Being committed" in mwa("criteria", "shop", "--commit", "spring")
    assert "is being committed; needed is one" in refused("criteria", "shop", "--commit", "spring")
    change.refuse("view v needs it")
    assert "not seen to after 0.1 s" in refused("criteria", "shop", "--commit", "spring", "--wait", "0.1")


def test_what_is_not_there_is_refused_with_what_is():
    first, second = make_pair(databases=("shop", "billing")).pools.all()
    add = ("criteria", "shop", "--add", "EXCLUDE", "--schema", "old", "--label", "x")
    assert refused(*add) == "there are 2 databases, needed is --pool with one of: shop, billing"
    assert refused(*add, "--pool", "crm") == "pair shop has no database crm; it has: shop, billing"
    mwa(*add, "--pool", "billing")
    rule = second.criteria.get()
    assert refused("criteria", "shop", "--commit", "y") == (
        "nothing is pending under 'y' in shop, billing; pending is: x"
    )
    assert refused("criteria", "shop", "--remove", str(rule.pk), "--pool", "shop") == (
        f"there is no rule {rule.pk} in shop"
    )
    assert "is empty, needed is a word" in refused(*add[:-2], "--pool", "shop")
    assert "type is 'tabel'" in refused(*add, "--pool", "shop", "--type", "tabel")
    assert not first.criteria.exists()


def test_a_swap_is_asked_for_and_approved_by_two_people_and_for_its_plan(people):
    pair = make_synchronizing_pair()
    digest = json.loads(mwa("swap", "request", "shop", "--user", "olga"))["digest"]
    assert "already open" in refused("swap", "request", "shop", "--user", "oskar")
    assert "only olga, who asked for it" in refused("swap", "cancel", "shop", "--user", "oskar")
    assert "olga may not approve" in refused("swap", "approve", "shop", "--user", "olga")
    assert f"give --digest {digest}" in refused("swap", "approve", "shop", "--user", "artur")
    assert "is not the one" in refused("swap", "approve", "shop", "--user", "artur", "--digest", "x")
    mwa("swap", "approve", "shop", "--user", "artur", "--digest", digest)
    assert pair.swaps.get().state == "APPROVED"
    assert "no role swap of pair shop is waiting" in refused("swap", "reject", "shop", "--user", "artur")


@pytest.mark.parametrize("act, who, end", [("cancel", "olga", "CANCELLED"), ("reject", "artur", "REJECTED")])
def test_a_swap_is_withdrawn_or_turned_down(people, act, who, end):
    make_synchronizing_pair()
    mwa("swap", "request", "shop", "--user", "olga")
    mwa("swap", act, "shop", "--user", who)
    assert SwapRequest.objects.get().state == end


def test_a_wrong_password_swaps_nothing(people, monkeypatch):
    make_synchronizing_pair()
    monkeypatch.setenv("MWA_PASSWORD", "guessed")
    assert "olga is not known with this password" in refused("swap", "request", "shop", "--user", "olga")
    assert not SwapRequest.objects.exists()


def test_a_database_that_the_copy_lacks_is_made_when_that_is_asked_for(servers, database):
    for name, server in (("old", servers.source), ("new", servers.copy)):
        Node.objects.create(name=name, conninfo=server.conninfo())
    mwa("pair", "crm", "old", "new", database.name)
    database.copy.close()
    with connect(servers.copy.conninfo(), "test") as admin:
        admin.execute(f"drop database {database.name}")
        exists = f"select 1 from pg_database where datname = '{database.name}'"
        refused("preflight", "crm")
        assert one(admin, exists) is None
        said = mwa("preflight", "crm", "--create-databases")
        assert f"database {database.name} was made on new" in said and " 0 failed" in said
        assert one(admin, exists) == 1
    assert "was made" not in mwa("preflight", "crm", "--create-databases")
    with connect(for_database(servers.copy.conninfo(), database.name), "test") as copy:
        assert one(copy, "select count(*) from pg_class where relnamespace = 'public'::regnamespace") == 0


def test_no_database_is_made_while_something_else_is_in_the_way(servers, database):
    for name, server in (("old", servers.source), ("new", servers.copy)):
        Node.objects.create(name=name, conninfo=server.conninfo())
    database.copy.execute("create table in_the_way (id int)")
    mwa("pair", "crm", "old", "new", database.name, "missing")
    with connect(servers.source.conninfo(), "test") as admin:
        admin.execute("create database missing")
        try:
            refused("preflight", "crm", "--create-databases")
        finally:
            admin.execute("drop database missing")
    with connect(servers.copy.conninfo(), "test") as admin:
        assert one(admin, "select 1 from pg_database where datname = 'missing'") is None


def test_a_compare_prints_each_verdict_and_fails_unless_all_are_equal(engine):
    engine.database.source.execute(
        "create table account (id int primary key, n int); insert into account values (1, 1)"
    )
    engine.migrate()
    name = engine.database.name
    assert mwa("compare", "moving", "--wait", "60") == f"{name}.public.account: EQUAL: 1 rows\n"
    engine.database.copy.execute("update account set n = 2")
    said = StringIO()
    with pytest.raises(CommandError, match="not every table was proved equal"):
        call_command("mwa", "compare", "moving", "--wait", "60", stdout=said)
    assert "DIFFERENT" in said.getvalue() and '"n": "2"' in said.getvalue()


def test_a_rule_that_the_engine_refuses_fails_with_the_reason_and_another_takes_effect(engine):
    engine.database.source.execute(
        "create table account (id int primary key); create table log (id int primary key);"
        " create view accounts as select * from account"
    )
    engine.migrate()
    table = ("--schema", "public", "--type", "table", "--wait", "60")
    said = mwa("criteria", "moving", "--add", "EXCLUDE", *table, "--object", "account", "--label", "x")
    why = "view public.accounts needs table public.account, which would be excluded"
    assert "Cannot be committed as it is; objects that change: 1" in said and why in said
    assert why in refused("criteria", "moving", "--commit", "x", "--wait", "60")
    mwa("criteria", "moving", "--roll-back", "x")
    mwa("criteria", "moving", "--add", "EXCLUDE", *table, "--object", "log", "--label", "y")
    said = mwa("criteria", "moving", "--preview", "y")
    assert "table public.log: INCLUDE -> EXCLUDE, stays on the secondary" in said
    assert "ACTIVE  EXCLUDE table log" in mwa("criteria", "moving", "--commit", "y", "--wait", "60")
    left_out = "select inclusion from mwa.known where object = 'log'::regclass"
    assert one(engine.database.source, left_out) == "EXCLUDE"
