"""The explanation on the first page, of a pair that is there to be looked at."""

from django.conf import settings
from django.db import models

from nodes.models import Pair


class Introduction(models.Model):
    """There for the pair of a demo; shown to everybody until he has had enough of it."""

    pair = models.OneToOneField(Pair, on_delete=models.CASCADE, related_name="introduction")
    read_by = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")

    def __str__(self) -> str:
        return f"of {self.pair}"
