"""Start over: stop whatever runs below a state directory of the demo, and delete it.

Run as `python -m mwaportal.system.fresh DIRECTORY`, before anything has read its keys.
"""

import shutil
import sys
from pathlib import Path

from nodes.postgres.embedded import EmbeddedServer

_SERVERS = {"source": 16, "copy": 18, "portal": 18}


def fresh(home: Path) -> None:
    """Delete a state directory. Refuses one that holds anything but a demo's."""
    if home.exists() and any(home.iterdir()) and not (home / "portal").is_dir():
        raise SystemExit(f"{home} is not a state directory of the portal; nothing is deleted")
    for name, version in _SERVERS.items():
        if (home / name / "PG_VERSION").exists():
            EmbeddedServer(home / name, version).stop("immediate")
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    fresh(Path(sys.argv[1]).resolve())
