"""Who may do what: three groups, four permissions. Without a group a person sees nothing."""

import secrets
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction

VIEW = "nodes.view_pair"
OPERATE = "nodes.change_pair"
REQUEST = "nodes.add_swaprequest"
APPROVE = "nodes.approve_swaprequest"
GROUPS = {
    "Administrators": (VIEW, OPERATE, REQUEST),
    "Approvers": (VIEW, APPROVE),
    "Stakeholders": (VIEW,),
}


def make_groups(**kwargs: Any) -> None:
    """Give each group its permissions, after every migration."""
    for name, permissions in GROUPS.items():
        group, _ = Group.objects.get_or_create(name=name)
        for permission in permissions:
            app, codename = permission.split(".")
            group.permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))


@transaction.atomic
def add_person(username: str, group: str) -> str:
    """Make (or reset) a person of one group; returns the new password, which is stored nowhere."""
    password = secrets.token_urlsafe(12)
    user, _ = User.objects.get_or_create(username=username)
    user.set_password(password)
    user.save()
    user.groups.set([Group.objects.get(name=group)])
    return password
