"""What the shell's commands have in common: finding, asking, waiting, and saying why not."""

import getpass
import os
import time

from django.contrib.auth import authenticate
from django.core.exceptions import NON_FIELD_ERRORS
from django.core.management.base import CommandError

from mwaportal import doorbell
from mwaportal.models import OneTimePassword
from nodes.models import Pair
from tracking import fileroots

_POLL_SECONDS = 0.2


def named(model, name):
    """The row of this name; raises `CommandError`, which says what there is."""
    found = model.objects.filter(name=name).first()
    if found is None:
        names = ", ".join(model.objects.order_by("name").values_list("name", flat=True)) or "none"
        raise CommandError(f"there is no {model._meta.verbose_name} {name}; there are: {names}")
    return found


def in_words(error):
    """A refusal by a model, with the field where there is one."""
    fields = getattr(error, "error_dict", {})
    if not fields:
        return "; ".join(getattr(error, "messages", [str(error)]))
    return "; ".join(
        message if field == NON_FIELD_ERRORS else f"{field}: {message}"
        for field, messages in error.message_dict.items()
        for message in messages
    )


def tell(pair):
    """Wake the engine, and draw the open pages again."""
    doorbell.ring(pair.pk)
    doorbell.notify(pair.pk)


def await_pair(pair, wanted, seconds, reached):
    """Wait until `reached(pair)`, or until the pair is gone if that is wanted.

    Raises `CommandError` where it fails or takes longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        now = Pair.objects.filter(pk=pair.pk).first()
        if now is None and wanted == Pair.Goal.REMOVED:
            return
        if now is None:
            raise CommandError(f"pair {pair} has been removed")
        if reached(now):
            return
        if now.phase_detail == "E" and now.goal == "":
            raise CommandError(now.detail_text)
        if time.monotonic() > deadline:
            raise CommandError(f"not {wanted} after {seconds:g} s: {_standing(now)}")
        time.sleep(_POLL_SECONDS)


def _standing(pair):
    mirrored = (*pair.pools.all(), *pair.file_roots.all())
    stand = "; ".join(f"{each.asp_name} {each.standing} {each.why}".rstrip() for each in mirrored)
    text = f"pair {pair} is {pair.get_phase_display()} {pair.detail_text}".rstrip()
    nobody = "" if pair.attended else "; no engine works on it: is the portal being served?"
    last = pair.messages.first()
    return f"{text}; {stand}; the engine said last: {last or 'nothing'}{nobody}"


def person_of(name):
    """Who gives this name and his password, asked for or taken from MWA_PASSWORD."""
    password = os.environ.get("MWA_PASSWORD") or getpass.getpass(f"password of {name}: ")
    person = authenticate(username=name, password=password)
    if person is None:
        raise CommandError(f"{name} is not known with this password")
    if OneTimePassword.objects.filter(user=person).exists():
        raise CommandError(f"{name} has a one-time password; it is changed in the browser, by signing in")
    return person


def as_data(pair):
    """A pair as plain data."""
    return {
        "pair": pair.name, "primary": pair.primary.name, "secondary": pair.secondary.name,
        "stage": pair.stage, "phase": pair.phase, "pending_phase": pair.pending_phase,
        "detail": pair.get_phase_detail_display(), "text": pair.detail_text,
        "pools": [
            {
                "asp": pool.asp_name, "database": pool.database, "state": pool.state, "detail": pool.detail,
                "reason": pool.reason, "reason_text": pool.reason_text, "lag_bytes": pool.lag_bytes,
                "wal_held_bytes": pool.wal_held_bytes, "tracked_changes": pool.tracked_changes,
                "tracked_rows": pool.tracked_rows, "measured_at": pool.measured_at,
                "own_properties": pool.own_properties,
            }
            for pool in pair.pools.all()
        ],
        "file_roots": [_root_as_data(root) for root in fileroots.counted().filter(pair=pair)],
    }  # fmt: skip


def _root_as_data(root):
    watch = getattr(root, "watch", None)
    return {
        "number": root.number, "source": root.source, "copy": root.copy, "state": root.state,
        "detail": root.detail, "reason": root.reason, "reason_text": root.reason_text,
        "copied_at": root.copied_at, "files_copied": root.files_copied, "bytes_copied": root.bytes_copied,
        "changes_carried": root.changes_carried, "owed": root.owed, "wait_for_somebody": root.left,
        "watched_by": watch and watch.way, "directories": watch and watch.directories,
        "unwatched": watch and watch.unwatched, "listed_at": watch and watch.listed_at,
    }  # fmt: skip
