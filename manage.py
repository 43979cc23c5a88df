#!/usr/bin/env python
"""Django's commands; the portal's own database is started first where a command needs it."""

import os
import signal
import sys


def main() -> None:
    """Run one command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mwaportal.settings")
    signal.signal(signal.SIGTERM, _leave)
    from django.core.management import execute_from_command_line

    from mwaportal.portaldb import NEEDS_NO_DATABASE, ensure_running

    if not NEEDS_NO_DATABASE.intersection(sys.argv[1:2] or ["help"]):
        ensure_running()
    execute_from_command_line(sys.argv)


def _leave(number: int, frame: object) -> None:
    sys.exit(128 + number)  # runs what was registered with atexit: the embedded server is given up


if __name__ == "__main__":
    main()
