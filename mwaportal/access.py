"""Who may do what: three groups, four permissions. Without a group a person sees nothing."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from .models import OneTimePassword

VIEW = "nodes.view_pair"
OPERATE = "nodes.change_pair"
REQUEST = "nodes.add_swaprequest"
APPROVE = "nodes.approve_swaprequest"
GROUPS = {
    "Administrators": (VIEW, OPERATE, REQUEST),
    "Approvers": (VIEW, APPROVE),
    "Stakeholders": (VIEW,),
}
_WHAT = {
    VIEW: "see the pairs",
    OPERATE: "operate a pair",
    REQUEST: "ask for a role swap",
    APPROVE: "approve a role swap",
}


@dataclass(frozen=True)
class Viewer:
    """What a page shows to a person: people with equal viewers share one rendering of it.

    `user_id` is 0 for those who only look; what others are offered depends on who they are.
    """

    operate: bool = False
    request: bool = False
    approve: bool = False
    user_id: int = 0


def viewers(user_ids: Iterable[int]) -> dict[int, Viewer]:
    """The viewers behind some users, read afresh; whoever may see nothing (any more) is missing."""
    asked_for = {"pk__in": list(user_ids), "one_time_password": None}
    may = {
        permission: set(User.objects.with_perm(permission).filter(**asked_for).values_list("pk", flat=True))
        for permission in _WHAT
    }
    acting = may[OPERATE] | may[REQUEST] | may[APPROVE]
    return {
        pk: Viewer(
            pk in may[OPERATE], pk in may[REQUEST], pk in may[APPROVE], pk if pk in acting else 0
        )
        for pk in may[VIEW]
    }  # fmt: skip


def needs(permission: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Refuse a view (403) to whoever lacks a permission, before anything is looked up.

    Whoever has a one-time password is led to the page that changes it.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if OneTimePassword.objects.filter(user=request.user.pk).exists():
                return redirect("password-change")
            if not request.user.has_perm(permission):
                groups = [name for name, permissions in GROUPS.items() if permission in permissions]
                raise PermissionDenied(
                    f"{request.user} may not {_WHAT[permission]}; that is for {' and '.join(groups)}"
                )
            return view(request, *args, **kwargs)

        return checked

    return decorate


def make_groups(**kwargs: Any) -> None:
    """Give each group its permissions, after every migration."""
    create_permissions(apps.get_app_config("nodes"), verbosity=0)  # its own turn may come after ours
    for name, permissions in GROUPS.items():
        group, _ = Group.objects.get_or_create(name=name)
        for permission in permissions:
            app, codename = permission.split(".")
            group.permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))


@transaction.atomic
def add_person(username: str, group: str, *, one_time: bool) -> str:
    """Make (or reset) a person of one group; returns the new password, which is stored nowhere.

    A one-time password has to be changed before anything else. Raises `ValidationError` for a name that
    nobody can have.
    """
    password = secrets.token_urlsafe(12)
    user = User.objects.filter(username=username).first() or User(username=username)
    user.set_password(password)
    user.full_clean()
    user.save()
    user.groups.set([Group.objects.get(name=group)])
    OneTimePassword.objects.filter(user=user).delete()
    if one_time:
        OneTimePassword.objects.create(user=user)
    return password
