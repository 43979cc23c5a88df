"""Who may still see what the sockets show: the session stands, and what its person may do now."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from mwaportal.access import Viewer, viewers


@dataclass(frozen=True)
class Visitor:
    """Whose socket it is, as he was when he came."""

    user_id: int
    session_key: str
    session_hash: str  # changes with the password


def still_there(visitors: Iterable[Visitor]) -> dict[Visitor, Viewer]:
    """Those who may still see something, with what they may do now; all of them in four readings."""
    asked = set(visitors)
    users = User.objects.in_bulk({visitor.user_id for visitor in asked})
    found = Session.objects.filter(
        session_key__in={visitor.session_key for visitor in asked}, expire_date__gt=timezone.now()
    )
    sessions, may = set(found.values_list("session_key", flat=True)), viewers(users)
    hashes = {pk: user.get_session_auth_hash() for pk, user in users.items()}
    return {
        visitor: may[visitor.user_id]
        for visitor in asked
        if visitor.user_id in may
        and visitor.session_key in sessions
        and hashes[visitor.user_id] == visitor.session_hash
    }
