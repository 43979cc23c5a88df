"""What the portal itself has to remember: how often somebody has tried to log in."""

import hashlib

from django.db import models
from django.utils import timezone


class TokenBucket(models.Model):
    """A budget that refills with time; `value` says whose it is, hashed.

    Two attempts at the same moment may both read the same balance: being a little inexact here keeps
    it simple, and the next attempt pays.
    """

    value = models.CharField(max_length=64, unique=True)
    tokens = models.FloatField(default=1.0)
    updated = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.tokens:.2f} of {self.value[:8]}"

    @classmethod
    def take(cls, value: str, capacity: int, seconds: int) -> bool:
        """Spend one of `capacity` attempts, which all come back within `seconds`; False if none is left."""
        now = timezone.now()
        hashed = hashlib.sha256(value.encode()).hexdigest()
        bucket, _ = cls.objects.get_or_create(value=hashed)
        refilled = bucket.tokens + (now - bucket.updated).total_seconds() / seconds
        left = min(1.0, refilled) - 1.0 / capacity
        if left < 0:
            return False
        cls.objects.filter(pk=bucket.pk).update(tokens=left, updated=now)
        return True

    @classmethod
    def login_by_address(cls, address: str) -> bool:
        """20 failed attempts an hour from one address."""
        return cls.take(f"login-address-{address}", 20, 3600)

    @classmethod
    def login_by_name(cls, username: str) -> bool:
        """10 failed attempts an hour for one name."""
        return cls.take(f"login-name-{username.lower()}", 10, 3600)
