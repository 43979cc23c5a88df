from collections.abc import Callable, Iterator

import pytest

from nodes.postgres import apply_role, install
from nodes.postgres.connect import connect, one
from tests.restore import carried, drop_roles, found, named, one_found, run
from tracking.restore import renamed_roles
from tracking.restore.inspect import CarryFailed, carry, inspect

Make = Callable[..., str]
ROLE, MEMBERSHIP, SETTING = "ROLE", "ROLE MEMBERSHIP", "ROLE SETTING"
EVERYTHING = """
    select rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
           rolconnlimit, coalesce(rolvaliduntil::text, 'infinity'), rolpassword,
           shobj_description(oid, 'pg_authid')
    from pg_authid where rolname = %s
"""
OPTIONS = """
    select pg_get_userbyid(grantor), admin_option, inherit_option, set_option
    from pg_auth_members where pg_get_userbyid(member) = %s order by 1, 2
"""


@pytest.fixture
def role(database) -> Iterator[Make]:
    """Call it for a new role on the source; all are dropped again on both nodes."""
    names: list[str] = []

    def make(attributes: str = "", *, everywhere: bool = False) -> str:
        names.append(named("role"))
        for session in (database.source, database.copy)[: 1 + everywhere]:
            run(session, "create role {} " + attributes, names[-1])
        return names[-1]

    yield make
    drop_roles(database, names)


def same(database, query: str, *values) -> list[tuple]:
    """What both nodes answer."""
    here, there = (session.execute(query, values).fetchall() for session in (database.source, database.copy))
    assert here == there
    return here


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        "superuser createrole createdb login replication bypassrls noinherit connection limit 3",
        "login password 'secret %s' valid until '2031-02-03 04:05:06.789+07'",
        "login password 'secret' valid until 'infinity'",
        "valid until '-infinity' connection limit 0",
    ],
)
def test_a_missing_role_is_made_with_everything(database, role, attributes):
    name = role(attributes)
    run(database.source, "comment on role {} is 'it''s 100%%'", name)
    assert carried(database, ROLE, name) == ["missing"]
    same(database, EVERYTHING, name)


@pytest.mark.parametrize(
    "change",
    [
        "alter role {} login",
        "alter role {} password 'another'",
        "alter role {} password null",
        "alter role {} connection limit 7",
        "alter role {} valid until '2030-01-01'",
        "comment on role {} is 'new'",
    ],
)
def test_a_change_is_carried(database, role, change):
    name = role("password 'old'")
    carried(database, ROLE, name)
    run(database.source, change, name)
    assert carried(database, ROLE, name) == ["changed"]
    same(database, EVERYTHING, name)


def test_a_role_that_has_lost_its_attributes_loses_them_on_the_copy(database, role):
    name = role("superuser login createdb bypassrls connection limit 3 valid until '2031-01-01'")
    carried(database, ROLE, name)
    run(
        database.source,
        "alter role {} nosuperuser nologin nocreatedb nobypassrls connection limit -1 valid until 'infinity'",
        name,
    )
    assert carried(database, ROLE, name) == ["changed"]
    same(database, EVERYTHING, name)


def test_the_password_works_on_the_copy_and_is_nowhere_to_be_seen(servers, database, role):
    name = role("login password 'hush-hush-4711'")
    with connect(database.copy_conninfo, "test", log_statement="all", log_min_duration_statement="0") as copy:
        difference = one_found(database, ROLE, name)
        carry(difference, database.source, copy)
    verifier = one(database.source, "select rolpassword from pg_authid where rolname = %s", (name,))
    log = (servers.copy.directory / "log" / "server.log").read_text()
    assert "pg_authid" in log  # it is logged at all
    assert verifier == one(database.copy, "select rolpassword from pg_authid where rolname = %s", (name,))
    assert verifier not in log and verifier.split("$")[-1] not in log and verifier not in repr(difference)


def test_a_statement_with_a_password_that_fails_is_not_seen(servers, database, role):
    name = role("login password 'hush'", everywhere=True)
    verifier = one(database.source, "select rolpassword from pg_authid where rolname = %s", (name,))
    difference = one_found(database, ROLE, name)  # another salt
    with connect(database.copy_conninfo, "test", autocommit=False) as other:
        run(other, "alter role {} connection limit 9", name)
        with pytest.raises(CarryFailed, match="lock timeout") as caught:
            carry(difference, database.source, database.copy)
    log = (servers.copy.directory / "log" / "server.log").read_text()
    assert "lock timeout" in log and verifier not in log
    assert name in str(caught.value) and "SCRAM" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_role_that_only_the_copy_has_is_left_to_it(database, role):
    name = role(everywhere=True)
    run(database.source, "drop role {}", name)
    assert found(database, ROLE, name) == []


def test_a_role_that_is_gone_meanwhile_is_not_made(database, role):
    name = role()
    difference = one_found(database, ROLE, name)
    run(database.source, "drop role {}", name)
    carry(difference, database.source, database.copy)
    assert not one(database.copy, "select 1 from pg_roles where rolname = %s", (name,))


def test_the_system_s_roles_and_our_own_are_left_alone(database):
    database.source.execute("alter role postgres set work_mem = '5MB'")
    try:
        names = [each.name for each in inspect(database.source, database.copy)]
        assert not [name for name in names if name.startswith(("pg_", "postgres"))]
    finally:
        database.source.execute("alter role postgres reset work_mem")


def test_the_role_that_applies_for_us_is_left_alone(database):
    apply_role.ensure(database.source)  # as after a swap
    try:
        assert found(database, ROLE, apply_role.ROLE) == found(database, SETTING, apply_role.ROLE) == []
    finally:
        apply_role.remove(database.source)


def test_without_the_right_to_read_passwords_the_rest_is_compared(database, role):
    reader, name = role("superuser login", everywhere=True), role("login password 'x'")
    run(database.copy, "alter role {} nosuperuser", reader)
    database.copy.execute("set role {}".format('"' + reader.replace('"', '""') + '"'))
    difference = one_found(database, ROLE, name)
    database.copy.execute("reset role")
    assert difference.change == "missing; its password cannot be read and has to be set by hand"


def test_memberships_come_with_their_options_and_grantors(database, role):
    team, lead, member, last = role(), role(), role(), role()
    carried(database, ROLE)
    run(database.source, "grant {} to {} with admin true, inherit false, set false", team, lead)
    run(database.source, "grant {} to {} with admin true granted by {}", team, member, lead)
    run(database.source, "grant {} to {} with inherit true granted by {}", team, last, member)
    run(database.source, "grant pg_read_all_data to {}", last)
    assert carried(database, MEMBERSHIP) == ["missing"] * 4
    for name in (lead, member, last):
        assert same(database, OPTIONS, name)


def test_changed_options_and_revoked_memberships_are_carried(database, role):
    team, member, other = role(), role(), role()
    carried(database, ROLE)
    run(database.source, "grant {} to {} with admin true", team, member)
    run(database.source, "grant {} to {} granted by {}", team, other, member)
    carried(database, MEMBERSHIP)
    run(database.source, "revoke {} from {} granted by {}", team, other, member)
    run(database.source, "grant {} to {} with admin false, inherit false, set true", team, member)
    assert sorted(carried(database, MEMBERSHIP)) == ["changed", "not on the source any more"]
    assert same(database, OPTIONS, member) == [("postgres", False, False, True)]
    run(database.source, "revoke {} from {}", team, member)
    assert carried(database, MEMBERSHIP) == ["not on the source any more"]
    assert same(database, OPTIONS, member) == []


def test_a_chain_of_memberships_is_taken_away_from_its_end(database, role):
    team, lead, member, last = role(), role(), role(), role()
    carried(database, ROLE)
    for giver, receiver in (("postgres", lead), (lead, member), (member, last)):
        run(database.source, "grant {} to {} with admin true granted by {}", team, receiver, giver)
    carried(database, MEMBERSHIP)
    run(database.source, "revoke {} from {} cascade", team, lead)
    assert carried(database, MEMBERSHIP) == ["not on the source any more"] * 3


def test_a_member_that_only_the_copy_has_stays_one(database, role):
    team, local = role(everywhere=True), role(everywhere=True)
    run(database.source, "drop role {}", local)
    run(database.copy, "grant {} to {}", team, local)
    assert found(database, MEMBERSHIP) == []


def test_a_role_s_settings_are_carried_here_and_everywhere(database, role):
    name = role(everywhere=True)
    run(database.source, "alter role {} set work_mem = '7MB'", name)
    run(database.source, 'alter role {} set search_path = "$user", public, "a, %s ""b"""', name)
    run(database.source, "alter role {} in database {} set statement_timeout = 1000", name, database.name)
    run(database.source, "alter role {} in database {} set my.name = 'it''s %%, \"1\"'", name, database.name)
    assert carried(database, SETTING, name) == ["missing"] * 4
    query = """
        select setdatabase = 0, c from pg_db_role_setting cross join unnest(setconfig) c
        where setrole = %s::regrole order by 1, 2
    """
    quoted = '"' + name.replace('"', '""') + '"'
    assert len(same(database, query, quoted)) == 4
    run(database.source, "alter role {} set work_mem = '8MB'", name)
    run(database.source, "alter role {} reset search_path", name)
    run(database.source, "alter role {} in database {} reset all", name, database.name)
    assert sorted(carried(database, SETTING, name)) == ["changed", *["not on the source any more"] * 3]
    assert same(database, query, quoted) == [(True, "work_mem=8MB")]


def test_settings_of_all_roles_are_carried(database):
    database.source.execute("alter role all set my.setting_of_all = 'x'")
    try:
        assert carried(database, SETTING, "my.setting_of_all") == ["missing"]
    finally:
        database.source.execute("alter role all reset my.setting_of_all")
        assert carried(database, SETTING, "my.setting_of_all") == ["not on the source any more"]


def test_who_may_set_a_parameter_is_carried(database, role):
    name = role(everywhere=True)
    run(database.source, "grant set, alter system on parameter log_min_messages to {}", name)
    try:
        assert carried(database, "PARAMETER PRIVILEGE", "log_min_messages") == ["missing"]
        query = "select has_parameter_privilege(%s, 'log_min_messages', 'set, alter system')"
        assert same(database, query, name) == [(True,)]
        run(database.source, "revoke alter system on parameter log_min_messages from {}", name)
        assert carried(database, "PARAMETER PRIVILEGE", "log_min_messages") == ["changed"]
    finally:
        run(database.source, "revoke set on parameter log_min_messages from {}", name)
    assert carried(database, "PARAMETER PRIVILEGE", "log_min_messages") == ["not on the source any more"]


def test_a_renamed_role_is_renamed_on_the_copy_with_all_that_it_owns(database):
    old, new = named("old"), named("new")
    try:
        for node in (database.source, database.copy):
            run(node, "create role {}", old)
            node.execute("create table owned (id int primary key)")
            run(node, "alter table owned owner to {}", old)
            install.install(node)
            install.learn(node)
        run(database.source, "alter role {} rename to {}", old, new)
        assert renamed_roles.carry(database.source, database.copy) == [f"role {old} is {new} now"]
        owner = "select tableowner::text from pg_tables where tablename = 'owned'"
        assert one(database.source, owner) == one(database.copy, owner) == new
        assert renamed_roles.carry(database.source, database.copy) == []
        assert found(database, "ROLE", new) == []
    finally:
        drop_roles(database, [old, new])
