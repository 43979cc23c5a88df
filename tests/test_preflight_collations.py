"""Encodings, locales and collations that the two servers do not share."""

import pytest

from nodes.postgres import preflight
from nodes.postgres.connect import connect
from nodes.postgres.preflight import Options
from tests.preflight import look, the


def _remade(database, servers, node, options):
    getattr(database, node).close()
    with connect(getattr(servers, node).conninfo(), "test") as admin:
        admin.execute(f"drop database {database.name}")
        admin.execute(f"create database {database.name} template template0 {options}")


def test_another_encoding_on_the_copy_is_refused(database, servers):
    _remade(database, servers, "copy", "encoding 'LATIN1' locale 'C'")
    checks = look(database)
    check = the(checks, "encoding")
    assert (check.status, check.observed) == ("failed", "source UTF8, copy LATIN1")
    assert "encoding 'UTF8'" in check.remedy


def test_a_source_without_an_encoding_is_refused_even_if_the_copy_has_none_either(database, servers):
    for node in ("source", "copy"):
        _remade(database, servers, node, "encoding 'SQL_ASCII' locale 'C'")
    check = the(look(database), "encoding")
    assert (check.status, check.observed) == ("failed", "source SQL_ASCII, copy SQL_ASCII")


@pytest.fixture
def system_locale(database):
    """A collation of the operating system that both servers have: its name, and its locale."""
    query = """
        select collname, collcollate from pg_collation
        where collprovider = 'c' and collencoding = 6 and collnamespace = 'pg_catalog'::regnamespace
        order by 1
    """
    there = set(database.copy.execute(query).fetchall())
    both = [row for row in database.source.execute(query).fetchall() if row in there]
    if not both:
        pytest.skip("this system has no UTF-8 locale")
    return both[0]


@pytest.mark.parametrize(
    "copy", ["locale 'C'", "locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'"]
)
def test_another_locale_or_provider_on_the_copy_is_named(database, servers, system_locale, copy):
    _, locale = system_locale
    _remade(database, servers, "source", f"encoding 'UTF8' locale '{locale}'")
    _remade(database, servers, "copy", f"encoding 'UTF8' {copy}")
    check = the(look(database), "collation")
    assert check.status == "warning" and f"source libc {locale}" in check.observed
    assert f"lc_collate '{locale}'" in check.remedy


def test_a_collation_that_is_missing_on_the_copy_is_refused(database, system_locale):
    name, locale = system_locale
    database.source.execute(f"""
        create collation ours (locale = '{locale}');
        create table bill (id int primary key, a text collate ours,
                           b text collate "{name}", c text collate "C")
    """)
    check = the(look(database), "collations in use")
    assert (check.status, check.observed) == ("passed", "2 in use, all there")
    # The same locale may have several names in the catalog.
    database.copy.execute(f"""
        do $$ declare which text; begin
            for which in select collname from pg_collation
                         where lower(replace(collcollate, '-', '')) = lower(replace('{locale}', '-', ''))
            loop execute format('drop collation pg_catalog.%I', which); end loop;
        end $$
    """)
    check = the(look(database), "collations in use")
    assert (check.status, check.objects) == ("failed", (f"pg_catalog.{name}", "public.ours"))
    assert "pg_import_system_collations" in check.remedy
    database.copy.execute("select pg_import_system_collations('pg_catalog')")
    assert the(look(database), "collations in use").status == "passed"


def test_a_database_to_be_created_whose_locale_the_copy_lacks_is_refused(
    database, databases, servers, system_locale
):
    _, locale = system_locale
    landing = databases()
    _remade(database, servers, "source", f"encoding 'UTF8' locale '{locale}'")
    database.copy.close()
    with connect(servers.copy.conninfo(), "test") as admin:
        admin.execute(f"drop database {database.name}")
        landing.copy.execute("delete from pg_collation where collprovider = 'c' and collencoding = 6")
        try:
            pair = database.source_conninfo, landing.copy_conninfo
            check = the(preflight.run(*pair, [database.name], Options(True)), "collations in use")
        finally:
            admin.execute(f"create database {database.name}")
    assert check.status == "failed" and check.objects == (f"libc {locale} (the database's own)",)
