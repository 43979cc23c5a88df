import pytest
from psycopg import sql

from nodes.postgres import blocked
from nodes.postgres.connect import one
from tests.restore import carried, drop_roles, found, named, one_found, run
from tracking.restore.inspect import CarryFailed, carry
from tracking.restore.system_settings import Setting

DATABASE, SETTING, SYSTEM = "DATABASE", "DATABASE SETTING", "SYSTEM SETTING"
PROPERTIES = """
    select pg_get_userbyid(datdba), datconnlimit, shobj_description(oid, 'pg_database'),
           array(select a::text from unnest(coalesce(datacl, acldefault('d', datdba))) a order by 1)
    from pg_database where datname = current_database()
"""


@pytest.fixture
def people(database):
    """Three roles that both nodes have."""
    names = [named("person") for _ in range(3)]
    for session in (database.source, database.copy):
        for name in names:
            run(session, "create role {}", name)
    yield names
    drop_roles(database, names)


def properties(database) -> tuple:
    """Of the database, equal on both nodes."""
    here, there = (session.execute(PROPERTIES).fetchone() for session in (database.source, database.copy))
    assert here == there
    return here


def test_equal_databases_do_not_differ(database):
    assert found(database, DATABASE) == found(database, SETTING) == []


def test_owner_limit_and_comment_are_carried(database, people):
    run(database.source, "alter database {} owner to {}", database.name, people[0])
    run(database.source, "alter database {} connection limit 17", database.name)
    run(database.source, "comment on database {} is 'it''s 100%%'", database.name)
    assert carried(database, DATABASE) == ["changed"]
    assert properties(database)[:3] == (people[0], 17, "it's 100%%")
    run(database.source, "comment on database {} is null", database.name)
    assert carried(database, DATABASE) == ["changed"]


def test_privileges_on_the_database_are_carried_with_who_gave_them(database, people):
    one_, two, three = people
    name = database.name
    run(database.source, "revoke connect on database {} from public", name)
    run(database.source, "grant connect, create on database {} to {} with grant option", name, one_)
    run(database.source, "set role {}", one_)
    run(database.source, "grant connect on database {} to {} with grant option", name, two)
    run(database.source, "set role {}", two)
    run(database.source, "grant connect on database {} to {}", name, three)
    database.source.execute("reset role")
    assert carried(database, DATABASE) == ["changed"]
    assert len(properties(database)[3]) == 5
    run(database.source, "revoke all on database {} from {} cascade", name, one_)
    run(database.source, "alter database {} owner to {}", name, three)
    assert carried(database, DATABASE) == ["changed"]
    properties(database)


def test_privileges_of_a_role_that_only_the_copy_has_are_no_difference(database, people):
    run(database.source, "drop role {}", people[2])
    run(database.copy, "grant create on database {} to {}", database.name, people[2])
    assert found(database, DATABASE) == []


def test_an_owner_that_the_copy_has_not_is_named(database):
    name = named("owner")
    run(database.source, "create role {}", name)
    try:
        run(database.source, "alter database {} owner to {}", database.name, name)
        with pytest.raises(CarryFailed) as caught:
            carry(one_found(database, DATABASE), database.source, database.copy)
        assert name in str(caught.value) and "does not exist" in str(caught.value)
        assert database.name in str(caught.value)
    finally:
        drop_roles(database, [name])


def test_settings_of_the_database_are_carried(database):
    alter = "alter database {} set "
    run(database.source, alter + "work_mem = '7MB'", database.name)
    run(database.source, alter + 'search_path = "$user", public, "a, \'b\' ""c"" %s"', database.name)
    run(database.source, alter + "timezone = 'Europe/Berlin'", database.name)
    run(database.source, alter + "my.own = 'x=y, \"z\" %%'", database.name)
    run(database.source, alter + "temp_tablespaces = ''", database.name)
    run(database.copy, alter + "work_mem = '9MB'", database.name)
    assert sorted(carried(database, SETTING)) == ["changed", *["missing"] * 4]
    query = """
        select c from pg_db_role_setting cross join unnest(setconfig) c
        where setdatabase = (select oid from pg_database where datname = current_database()) order by 1
    """
    assert database.source.execute(query).fetchall() == database.copy.execute(query).fetchall()
    run(database.source, "alter database {} reset all", database.name)
    assert carried(database, SETTING) == ["not on the source any more"] * 5
    assert database.copy.execute(query).fetchall() == []


def test_the_blocked_secondary_is_no_difference(database):
    blocked.block(database.copy, database.name)
    assert found(database, SETTING) == []
    run(database.source, "alter database {} set work_mem = '7MB'", database.name)
    assert carried(database, SETTING) == ["missing"]
    assert blocked.is_blocked(database.copy, database.name)


def test_a_setting_that_the_copy_refuses_is_named(database):
    run(database.source, "alter database {} set my.own = 1", database.name)
    difference = one_found(database, SETTING)
    database.copy.execute("set transaction_read_only = on")
    database.copy.execute("set default_transaction_read_only = on")
    with pytest.raises(CarryFailed, match=r"my\.own: cannot execute"):
        carry(difference, database.source, database.copy)


@pytest.fixture
def system(database):
    """ALTER SYSTEM on the source, and on the copy; taken back again."""

    def alter(name: str, value: str | None, session=None) -> None:
        action = sql.SQL("set {} = {}") if value is not None else sql.SQL("reset {}")
        action = action.format(sql.Identifier(*name.split(".")), *([value] if value is not None else []))
        (session or database.source).execute(sql.SQL("alter system {}").format(action))

    yield alter
    for session in (database.source, database.copy):
        session.execute("alter system reset all")


def test_what_alter_system_has_set_is_to_be_done_by_hand(database, system):
    system("statement_timeout", "90s")  # our own sessions have another
    system("work_mem", "64MB")
    system("application_name", "it's 100%")
    assert {each.name: each.state for each in found(database, SYSTEM)} == dict.fromkeys(
        ("statement_timeout", "work_mem", "application_name"), "INELIGIBLE"
    )
    work_mem = one_found(database, SYSTEM, "work_mem")
    assert "on the copy it is 4096" in work_mem.why
    assert """alter system set "work_mem" = '64MB'""" in work_mem.why
    with pytest.raises(CarryFailed, match="64MB"):
        carry(work_mem, database.source, database.copy)
    assert not one(database.copy, "select 1 from pg_file_settings where name = 'work_mem'")


def test_what_the_copy_has_already_is_no_difference_however_it_is_written(database, system):
    for session, values in (
        (database.source, ("64MB", "90s", "on")),
        (database.copy, ("65536kB", "1.5min", "yes")),
    ):
        for name, value in zip(("work_mem", "statement_timeout", "log_checkpoints"), values, strict=True):
            system(name, value, session)
    system("maintenance_work_mem", "65536")  # the default
    assert found(database, SYSTEM) == []
    system("work_mem", "32MB", database.copy)
    assert one_found(database, SYSTEM).name == "work_mem"


def test_what_belongs_to_a_machine_is_left_out(database, system):
    for name, value in (
        ("port", "6000"), ("listen_addresses", "*"), ("ssl", "off"), ("ssl_cert_file", "x.crt"),
        ("primary_conninfo", "password=hush"), ("synchronous_standby_names", "a"), ("cluster_name", "x"),
        ("archive_command", "false"), ("log_directory", "x"), ("hba_file", "x"),
    ):  # fmt: skip
        system(name, value)
    assert found(database, SYSTEM) == []


@pytest.mark.parametrize(
    ("one_way", "another", "kind", "unit"),
    [
        ("128MB", "16384", "integer", "8kB"),
        ("1GB", "1024", "integer", "MB"),
        ("5min", "300", "integer", "s"),
        ("1d", "1440min", "integer", "ms"),
        ("0x10", "16", "integer", ""),
        ("-1", "-1", "integer", "kB"),
        ("1e3", "1000.0", "real", ""),
        ("TRUE", "1", "bool", ""),
        ("Replica", "replica", "enum", ""),
    ],
)
def test_values_mean_the_same(one_way, another, kind, unit):
    assert Setting(one_way, True, kind, unit).meaning == Setting(another, True, kind, unit).meaning


def test_strings_are_told_by_their_letters():
    assert Setting("A", True, "string", "").meaning != Setting("a", True, "string", "").meaning
