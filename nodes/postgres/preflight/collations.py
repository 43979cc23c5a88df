"""Do texts mean and sort the same on both nodes?"""

from dataclasses import dataclass
from pathlib import Path

from nodes.postgres.connect import Connection, one
from nodes.postgres.preflight.check import Finding, finding, quoted
from nodes.postgres.preflight.databases import create_statement
from nodes.postgres.preflight.place import Place

_COLLATIONS = Path(__file__).with_name("collations.sql").read_text()
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin", "d": "default"}
_EVERYWHERE = ("c", "posix")


@dataclass(frozen=True)
class Locale:
    """How a database sorts and classifies its texts by default."""

    provider: str
    collate: str
    ctype: str
    version: str | None  # of the library's rules; None where they never change or PostgreSQL 14 cannot say

    def __str__(self) -> str:
        version = f" version {self.version}" if self.version else ""
        return f"{self.provider} {self.collate}, ctype {self.ctype}{version}"

    def sorts_like(self, other: "Locale") -> bool:
        """Whether both are the same rules, however their names are spelt."""
        return (
            self.provider == other.provider
            and _spelt(self.collate) == _spelt(other.collate)
            and _spelt(self.ctype) == _spelt(other.ctype)
            and (self.version == other.version or None in (self.version, other.version))
        )


def _spelt(locale: str) -> str:
    """One spelling for the ways libc writes a locale: C.UTF-8, C.utf8."""
    return locale.lower().replace("-", "").replace("_", "")


def _locale(session: Connection) -> Locale:
    version = (
        "pg_database_collation_actual_version(d.oid)" if session.info.server_version >= 150000 else "null"
    )
    query = f"select to_jsonb(d), {version} from pg_database d where datname = current_database()"
    row = session.execute(query.encode()).fetchone()
    assert row is not None  # the database of the session
    found, actual = row
    name = found.get("datlocale") or found.get("daticulocale") or found["datcollate"]
    return Locale(_PROVIDERS[found.get("datlocprovider", "c")], name, found["datctype"], actual)


def encoding(place: Place) -> Finding:
    """Both databases have the same encoding, and it is one (SQL_ASCII means: anything)."""
    source = str(one(place.on_source, "show server_encoding"))
    there = place.copy.has(place.database)
    copy = str(one(place.on_copy, "show server_encoding")) if there else source
    return finding(
        source == copy != "SQL_ASCII",
        f"source {source}, copy {copy if there else 'not there yet'}",
        "the same encoding on both, and not SQL_ASCII",
        "Dump the source's database and restore it into one with the real encoding of its texts."
        if source == "SQL_ASCII"
        else _again(place),
    )


def _again(place: Place) -> str:
    return f"drop database {quoted(str(place.database))}; {create_statement(place.on_source)}"


def collation(place: Place) -> Finding:
    """Both databases sort by the same rules: provider, locale and version of the library."""
    source, copy = _locale(place.on_source), _locale(place.on_copy)
    if not place.copy.has(place.database):
        # It will get the source's locale; what is left to differ is the version of the rules.
        copy = Locale(source.provider, source.collate, source.ctype,
                      copy.version if _spelt(copy.collate) == _spelt(source.collate) else None)  # fmt: skip
    return finding(
        source.sorts_like(copy),
        f"source {source}; copy {copy}",
        "the same provider, locale and version",
        "The copy's indexes are built by its own rules, so it is consistent, but ORDER BY may answer "
        "differently. "
        f"For the same locale: {_again(place)}",
        otherwise="warning",
    )


def needed_collations(place: Place) -> Finding:
    """Every collation the database uses exists on the copy, in the catalog or in the operating system."""
    wanted = place.on_source.execute(_COLLATIONS).fetchall()
    names, locales = _offered(place.on_copy)
    missing, differing = [], []
    for schema, found, version in wanted:
        name = f"{schema}.{found['collname']}"
        if schema == "pg_catalog" and found["collname"] in names:
            theirs = names[found["collname"]]
            if version and theirs and version != theirs:
                differing.append(f"{name}: version {version}, {theirs} on the copy")
        elif schema == "pg_catalog" or not _is_offered(
            _PROVIDERS[found["collprovider"]], str(found.get("collcollate") or ""), locales
        ):
            missing.append(name)
    default = _locale(place.on_source)
    if not place.copy.has(place.database) and not _is_offered(default.provider, default.collate, locales):
        missing.append(f"{default.provider} {default.collate} (the database's own)")
    return finding(
        not missing and not differing,
        "; ".join([f"{name} missing on the copy" for name in missing] + differing)
        or f"{len(wanted)} in use, all there",
        "every collation in use, with the same version of its rules",
        "Install the locale on the copy's host (locale-gen, or the language pack), restart its server, then "
        "in the copy's database: select pg_import_system_collations('pg_catalog');"
        if missing
        else "They may sort differently on the copy; nothing is lost, its indexes follow its own rules.",
        missing + differing,
        otherwise="failed" if missing else "warning",
    )


def _offered(copy: Connection) -> tuple[dict[str, str | None], set[str]]:
    """The copy's own collations with their versions, and the locales it has imported from its system."""
    rows = copy.execute(
        "select collname::text, collprovider::text, collcollate, pg_collation_actual_version(oid)"
        " from pg_collation where collnamespace = 'pg_catalog'::regnamespace"
    ).fetchall()
    locales = {_spelt(collate) for _, provider, collate, _ in rows if provider == "c" and collate}
    if any(name == "und-x-icu" for name, *_ in rows):  # only there if the server was built with ICU
        locales.add("icu")
    return {name: version for name, _, _, version in rows}, locales


def _is_offered(provider: str, locale: str, locales: set[str]) -> bool:
    if provider == "icu":
        return "icu" in locales
    return provider == "builtin" or _spelt(locale) in locales.union(_EVERYWHERE)
