"""What the portal itself has to remember: who has yet to choose a password, and who has tried to log in."""

import hashlib

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone


class OneTimePassword(models.Model):
    """There while a person has the password that a shell printed: it opens only the page that changes it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="one_time_password"
    )

    def __str__(self) -> str:
        return f"of {self.user}"


class TokenBucket(models.Model):
    """A budget that refills with time; `value` says whose it is, hashed."""

    value = models.CharField(max_length=64, unique=True)
    tokens = models.FloatField(default=1.0)
    updated = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.tokens:.2f} of {self.value[:8]}"

    @classmethod
    def take(cls, value: str, capacity: int, seconds: int) -> bool:
        """Spend one of `capacity` attempts, which all come back within `seconds`; False if none is left.

        A negative capacity gives one back.
        """
        hashed = hashlib.sha256(value.encode()).hexdigest()
        cls.objects.get_or_create(value=hashed)
        with transaction.atomic():
            bucket = cls.objects.select_for_update().get(value=hashed)
            now = timezone.now()
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
        """40 failed attempts an hour for one name: more, so that nobody locks somebody else out easily."""
        return cls.take(f"login-name-{username.lower()}", 40, 3600)

    @classmethod
    def login_succeeded(cls, address: str, username: str) -> None:
        """Only failures count."""
        cls.take(f"login-address-{address}", -20, 3600)
        cls.take(f"login-name-{username.lower()}", -40, 3600)
