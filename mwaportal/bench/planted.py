"""The rehearsal's whole system in a temporary directory: portal, engine and nodes as they really run."""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mwaportal.system.rehearsal import Rehearsal


@contextmanager
def planted(rows: int, database: str = "") -> Iterator["Rehearsal"]:
    """A plant with its portal running; `database` is mirrored instead of the shop. Nobody writes yet.

    Django's settings are read once in a process, and with them the state directory: one plant a process.
    """
    home = Path(tempfile.mkdtemp(prefix="mwa-bench-"))
    home.chmod(0o755)
    os.environ["MWA_HOME"] = str(home)
    os.environ["DJANGO_SETTINGS_MODULE"] = "mwaportal.settings"
    import django

    django.setup()
    from mwaportal.system.plant import Plant, wait_for
    from mwaportal.system.rehearsal import Rehearsal
    from nodes.models import StoragePool

    plant = Plant(home, rows, port=free_port())
    try:
        plant.build()
        if database:
            StoragePool.objects.update(database=database)
        rehearsal = Rehearsal(plant, say)
        plant.serve()
        wait_for(plant, "the portal's page", plant.answers, 120)
        yield rehearsal
    finally:
        plant.end()
        shutil.rmtree(home, ignore_errors=True)


def say(text: str) -> None:
    """What happens meanwhile goes beside the figures, with the load of the machine."""
    sys.stderr.write(f"[load {os.getloadavg()[0]:.1f}] {text}\n")
    sys.stderr.flush()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
