"""Roles that may do too little."""

from nodes.postgres import preflight
from tests.preflight import the


def test_a_role_without_rights_is_told_exactly_what_is_missing(database):
    database.source.execute("""
        create role guest login;
        create schema app; create table app.bill (id int primary key); create table pay (id int primary key);
        create table own (id int primary key); alter table own owner to guest
    """)
    guest = database.source_conninfo.replace("user=postgres", "user=guest")
    try:
        checks = preflight.run(guest, database.copy_conninfo, [database.name])
        check = the(checks, "privileges", "source")
        assert check.status == "failed" and check.remedy.startswith('alter role "guest" superuser;')
        for right in ("superuser", "REPLICATION", "pg_create_subscription", "pg_signal_backend"):
            assert right in check.observed
        check = the(checks, "ownership", "source")
        assert check.status == "failed" and "CREATE on the database" in check.observed
        assert check.objects == ("app.bill", "public.pay")
        assert the(checks, "replication connection", "source").status == "failed"
        assert the(checks, "copy reached from source").status == "warning"
        assert not [check for check in checks if "could not be carried out" in check.observed]
        database.source.execute(
            f"alter role guest replication; grant create on database {database.name} to guest"
        )
        checks = preflight.run(guest, database.copy_conninfo, [database.name])
        assert "REPLICATION" not in the(checks, "privileges", "source").observed
        assert "CREATE on" not in the(checks, "ownership", "source").observed
        assert the(checks, "replication connection", "source").status == "passed"
        assert not preflight.passed(checks)
    finally:
        database.source.execute("drop owned by guest cascade; drop role guest")


def test_a_role_without_rights_changes_nothing_and_breaks_nothing_on_the_copy(database):
    database.copy.execute("create role guest login")
    guest = database.copy_conninfo.replace("user=postgres", "user=guest")
    try:
        checks = preflight.run(database.source_conninfo, guest, [database.name])
    finally:
        database.copy.execute("drop role guest")
    assert the(checks, "privileges", "copy").status == "failed"
    assert not [check for check in checks if "could not be carried out" in check.observed]
