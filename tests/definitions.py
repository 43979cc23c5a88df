"""What the tests of definitions share: two databases, one following the other, and proof of equality."""

import difflib
import itertools
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from psycopg import sql

from nodes.postgres import catalog, install, lsn, programs, publication, slot
from nodes.postgres.connect import Connection, connect, wait_until
from tests.mirror import content, stream_end
from tracking.mirror import subscription

# An older server does not name constraints of this kind; a newer one shows the names that it has made up.
_NAMED_NOT_NULL = re.compile(r'CONSTRAINT ("(?:[^"]|"")*"|\S+) NOT NULL')

_STALE = """
    select i.identity from mwa.objects() o
    left join mwa.known k on (k.class, k.object) = (o.class, o.object), mwa.identify(o.class, o.object) i,
    lateral (select array(
        select row(f.rank, f.key, f.value, f.unmake)::text
        from mwa.facets(o.class, o.object, i.type) f order by f.rank, f.key) as now, array(
        select row(f.rank, f.key, f.value, f.unmake)::text from unnest(k.facets) f) as known) x
    where x.now <> '{}' and x.now <> x.known
    union all
    select format('%s %s', k.class::regclass, k.name) from mwa.known k
    where not exists (select from mwa.objects() o where (o.class, o.object) = (k.class, k.object))
"""


class Followed:
    """A source with capture of definitions, and a copy that a native subscription keeps in step."""

    def __init__(self, database, before: str) -> None:
        self.database = database
        self.source: Connection = database.source
        self.copy: Connection = database.copy
        self.name = f"mwa_{database.name}"
        for node in (self.source, self.copy):
            node.execute(before)
            install.install(node)
            install.learn(node)
        publication.publish(self.source, catalog.tables(self.source))
        slot.create(self.source, self.name, seconds=10)
        self.go_on()

    def application(self, statements: str) -> None:
        """Run statements as an application would, in one transaction unless they say otherwise."""
        with connect(self.database.source_conninfo, "x", search_path="public") as session:
            session.execute("set application_name = 'shop'")
            session.execute(statements)

    def each(self, *statements: str) -> None:
        """The same, a transaction for each."""
        for statement in statements:
            self.application(statement)

    def caught_up(self) -> None:
        """Wait until everything committed on the source is on the copy."""
        end = stream_end(self.source)

        def there() -> bool:
            found = slot.find(self.source, self.name)
            assert subscription.find(self.copy, self.name).enabled, "the apply worker has failed"
            return found is not None and found.confirmed >= end

        wait_until(there, f"the copy to reach {lsn.render(end)}", seconds=30)

    def pause(self) -> None:
        """The stream is off; the source goes on."""
        subscription.stop(self.copy, self.name)
        slot.release(self.source, self.name)

    def go_on(self) -> None:
        """The stream is on from where it was."""
        found = slot.find(self.source, self.name)
        assert found is not None
        subscription.start_at(
            self.copy, self.name, self.database.source_conninfo, publication.PUBLICATION, found.confirmed,
            enable=False,
        )  # fmt: skip
        # The worker tells at once what it has applied, not when the server has written its log out.
        subscription.set_synchronous(self.copy, self.name, True)
        self.copy.execute(sql.SQL("alter subscription {} enable").format(sql.Identifier(self.name)))

    def failures(self) -> list[str]:
        """What could not be noted on the source, or not be carried out on the copy."""
        rows = self.copy.execute(
            "select concat_ws(' ', command, identity, failure, carry_failure) from mwa.definition_changes"
            " where coalesce(failure, carry_failure) is not null order by id"
        ).fetchall()
        return [row[0] for row in rows]

    def statements(self) -> list[str]:
        """All statements noted so far, in order."""
        rows = self.source.execute(
            "select unnest(statements) from mwa.definition_changes order by id"
        ).fetchall()
        return [row[0] for row in rows]

    def assert_same(self) -> None:
        """Both nodes have the same definitions (by pg_dump) and the same rows, and nothing has failed."""
        self.caught_up()
        assert not self.failures(), "\n".join(self.failures())
        with ThreadPoolExecutor(2) as beside:
            both = beside.map(schema, (self.database.source_conninfo, self.database.copy_conninfo))
        differing = list(difflib.unified_diff(*both, "source", "copy", n=0, lineterm=""))
        assert not differing, "\n".join(differing)
        assert content(self.copy) == content(self.source)

    def assert_arrive(self, statements: list[str]) -> None:
        """Each of them arrives by itself, and nothing was missed."""
        for statement in statements:
            self.application(statement)
            self.assert_same()
        self.assert_known()

    def assert_arrive_after_a_pause(self, statements: list[str]) -> None:
        """All of them arrive in their order once the stream is on again, and nothing was missed."""
        self.pause()
        self.each(*statements)
        self.go_on()
        self.assert_same()
        self.assert_known()

    def assert_known(self) -> None:
        """What is known of each object is what it is: nothing was missed on either node."""
        for node in (self.source, self.copy):
            stale = [row[0] for row in node.execute(_STALE).fetchall()]
            assert not stale, f"not as known: {stale}"

    def end(self) -> None:
        """No stream and no slot."""
        subscription.drop(self.copy, self.name)
        slot.drop(self.source, self.name)


@contextmanager
def followed(database, before: str = "select 1") -> Iterator[Followed]:
    """Both databases begin with the same definitions."""
    made = Followed(database, before)
    try:
        yield made
    finally:
        made.end()


def schema(conninfo: str) -> list[str]:
    """The definitions of a database as pg_dump writes them, without what is ours."""
    command = [
        programs.program("pg_dump"), "--schema-only", "--exclude-schema=mwa", "--no-password",
        f"--dbname={conninfo}",
    ]  # fmt: skip
    dumped = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [
        _NAMED_NOT_NULL.sub("NOT NULL", line) for line in dumped.splitlines()
        if line and not line.startswith(("--", "\\restrict", "\\unrestrict", "SET transaction_timeout"))
    ]  # fmt: skip
    # In which order privileges were granted is not told by what has them.
    lines = [
        line for is_grant, run in itertools.groupby(lines, lambda line: line.startswith("GRANT "))
        for line in (sorted(run) if is_grant else run)
    ]  # fmt: skip
    # A table without a key gets the identity when it is published, on the node that is the primary.
    return [line for line in lines if "mwa" not in line and "REPLICA IDENTITY FULL" not in line]


def begun_and_paused(mirror, before: str):
    """A mirror that was handed over once, its definitions known, and whose stream is off."""
    mirror.begin(before)
    mirror.hand_over()
    wait_until(mirror.caught_up, "the stream", seconds=20)
    mirror.suspend()
    for node in (mirror.database.source, mirror.database.copy):
        node.execute("select mwa.learn_all()")
    return mirror


def application(mirror, *statements: str) -> None:
    """Each by itself, as an application of the mirror's source."""
    with connect(mirror.database.source_conninfo, "x", search_path="public") as session:
        session.execute("set application_name = 'shop'")
        for statement in statements:
            session.execute(statement)


def assert_same(mirror) -> None:
    """Everything has arrived: nothing has failed, and definitions and rows are equal."""
    wait_until(mirror.caught_up, "the stream", seconds=20)
    failures = "select carry_failure from mwa.definition_changes where carry_failure is not null"
    assert mirror.database.copy.execute(failures).fetchall() == []
    assert schema(mirror.database.copy_conninfo) == schema(mirror.database.source_conninfo)
    assert content(mirror.database.copy) == content(mirror.database.source)
