"""The explanation on the first page, of a pair that is there to be looked at."""

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models

from nodes.models import FileRoot, Pair


class Introduction(models.Model):
    """There for the pair of a demo; shown to everybody until he has had enough of it."""

    pair = models.OneToOneField(Pair, on_delete=models.CASCADE, related_name="introduction")
    read_by = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")

    def __str__(self) -> str:
        return f"of {self.pair}"

    @classmethod
    def unread_by(cls, user: AbstractBaseUser | AnonymousUser) -> "models.QuerySet[Introduction]":
        """Those that this person is still shown."""
        roots = FileRoot.objects.filter(pair=models.OuterRef("pair"))
        found = cls.objects.exclude(read_by=user.pk).select_related("pair__source", "pair__copy")
        return found.annotate(files=models.Exists(roots)).order_by("pair__name")
