"""make bench BENCH=copy: a table, its primary key and an index on another server, and handed over."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from nodes.postgres import install, programs, slot
from nodes.postgres.connect import Connection, connect, one, wait_until
from tracking.mirror import subscription
from tracking.save.analyze import analyze
from tracking.save.definitions import dump, restore_post_data, restore_pre_data
from tracking.save.run import SaveOptions, save

from .bed import Bed, Mirrored, bed, line, seconds_since

ROWS = 5_000_000
ROUNDS = 3
_NAME = "big"
_JOBS = 2
_PATIENCE_SECONDS = 900
_TABLE = """
    create table public.accounts (id bigint primary key, branch int, balance int, filler text,
                                  changed timestamptz default now());
    insert into public.accounts
    select i, i % 100, i * 7 % 1000, rpad(md5(i::text), 84, md5((i + 1)::text)),
           '2020-01-01'::timestamptz + i * interval '1 second'
    from generate_series(1, {rows}::bigint) i;
    create index accounts_changed on public.accounts (changed);
    vacuum analyze public.accounts;
    checkpoint
"""


def run(rows: int = ROWS, rounds: int = ROUNDS) -> Iterator[dict[str, Any]]:
    """Against pgcopydb, which hands nothing over, and against a native subscription with copy_data."""
    with bed() as made:
        source, copy = made.database(_NAME)
        copy.close()
        for statement in _TABLE.format(rows=rows).split(";"):
            source.execute(statement)
        taken: dict[str, list[float]] = {"ours": [], "pgcopydb": [], "native": []}
        for number in range(rounds):
            taken["ours"].append(_ours(made, source, number))
            if shutil.which("pgcopydb"):
                taken["pgcopydb"].append(_pgcopydb(made, source))
            taken["native"].append(_native(made, source))
        ours = median(taken["ours"])
        pgcopydb = median(taken["pgcopydb"]) if taken["pgcopydb"] else None
        yield line("copy-pgcopydb", ours, "s", "pgcopydb clone", pgcopydb)
        yield line("copy-native", ours, "s", "native copy_data=true", median(taken["native"]))
        source.close()


def _ours(made: Bed, source: Connection, number: int) -> float:
    """As the engine does it, the way from the first capture to the hand-over and all."""
    with _new_copy(made) as copy, tempfile.TemporaryDirectory(prefix="mwa-bench-") as directory:
        here, there = made.source.conninfo(_NAME), made.copy.conninfo(_NAME)
        began = time.monotonic()
        mirrored = Mirrored(made, _NAME, source, copy, number + 1)
        process = mirrored.capture()
        archive = dump(here, Path(directory))
        restore_pre_data(archive, there)
        save(here, there, SaveOptions(jobs=_JOBS), (), lambda event: None)
        restore_post_data(archive, there, _JOBS)
        analyze(there, _JOBS)
        mirrored.hand_over(process)
        took = seconds_since(began)
        _equal(source, copy)
        subscription.drop(copy, mirrored.route.slot)
        slot.drop(source, mirrored.route.slot)
        install.uninstall(source)
    return took


def _pgcopydb(made: Bed, source: Connection) -> float:
    with _new_copy(made) as copy, tempfile.TemporaryDirectory(prefix="mwa-bench-") as directory:
        command = [
            "pgcopydb", "clone", "--source", _uri(made.source.conninfo(_NAME)),
            "--target", _uri(made.copy.conninfo(_NAME)), "--dir", f"{directory}/work",
            "--table-jobs", str(_JOBS), "--index-jobs", str(_JOBS), "--split-tables-larger-than", "100MB",
        ]  # fmt: skip
        # Its own pg_dump and pg_restore may be older than the servers
        path = f"{programs.DIRECTORY}:{os.environ.get('PATH', '')}"
        began = time.monotonic()
        subprocess.run(command, env={**os.environ, "PATH": path}, check=True, capture_output=True)
        took = seconds_since(began)
        _equal(source, copy)
    return took


def _native(made: Bed, source: Connection) -> float:
    """PostgreSQL's own defaults: the subscriber has all definitions, with indexes, before the data."""
    with _new_copy(made) as copy, tempfile.TemporaryDirectory(prefix="mwa-bench-") as directory:
        here, there = made.source.conninfo(_NAME), made.copy.conninfo(_NAME)
        began = time.monotonic()
        archive = f"{directory}/definitions"
        subprocess.run([programs.program("pg_dump"), "-Fc", "-s", "-f", archive, here], check=True)
        subprocess.run([programs.program("pg_restore"), "-d", there, archive], check=True)
        source.execute("create publication bench for table public.accounts")
        copy.execute(f"create subscription bench connection '{here}' publication bench")
        behind = "select not exists (select from pg_subscription_rel where srsubstate <> 'r')"
        wait_until(lambda: one(copy, behind), "the subscription to be in step", seconds=_PATIENCE_SECONDS)
        took = seconds_since(began)
        _equal(source, copy)
        copy.execute("drop subscription bench")
        source.execute("drop publication bench")
    return took


def _new_copy(made: Bed) -> Connection:
    """An empty database for each measurement, after the server has written what the last one left."""
    with connect(made.copy.conninfo(), "bench") as admin:
        admin.execute(f"drop database if exists {_NAME} with (force)")
        admin.execute("checkpoint")
        admin.execute(f"create database {_NAME}")
    return connect(made.copy.conninfo(_NAME), "bench")


def _equal(source: Connection, copy: Connection) -> None:
    total = """
        select count(*), sum(id), sum(balance),
               (select count(*) from pg_index where indrelid = 'public.accounts'::regclass and indisvalid)
        from public.accounts
    """
    here, there = source.execute(total).fetchone(), copy.execute(total).fetchone()
    if here != there:
        raise RuntimeError(f"the copy differs: {here} and {there}")


def _uri(conninfo: str) -> str:
    """pgcopydb understands URIs only."""
    parts = conninfo_to_dict(conninfo)
    host = quote(str(parts["host"]), safe="")
    return f"postgresql://{parts['user']}@{host}:{parts['port']}/{parts['dbname']}"
