"""Secrets in the database: encrypted with a key of their own, opened only where they are used."""

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django import forms
from django.conf import settings
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import models
from django.db.models.query_utils import DeferredAttribute


class WrongCredentialKey(Exception):
    """A stored secret cannot be opened with the keys there are."""


class Sealed(str):
    """An encrypted value: the only form in which a secret lies in a model instance."""


def new_key() -> str:
    """A fresh key, as it stands in the environment or in the key file."""
    return Fernet.generate_key().decode()


def seal(plain: str) -> Sealed:
    """Encrypt with the first key; an empty text stays empty."""
    return Sealed(_box().encrypt(plain.encode()).decode() if plain else "")


def reseal(sealed: str) -> Sealed:
    """Open with any of the keys and encrypt with the first."""
    try:
        return Sealed(_box().rotate(sealed.encode()).decode() if sealed else "")
    except InvalidToken:
        raise WrongCredentialKey("none of the keys in MWA_CREDENTIAL_KEY opens it") from None


def unseal(sealed: str) -> str:
    """The plain text; raises `WrongCredentialKey`."""
    try:
        return _box().decrypt(sealed.encode()).decode() if sealed else ""
    except InvalidToken:
        raise WrongCredentialKey("none of the keys in MWA_CREDENTIAL_KEY opens it") from None


def _box() -> MultiFernet:
    return _box_of(tuple(settings.CREDENTIAL_KEYS))


@lru_cache
def _box_of(keys: tuple[str, ...]) -> MultiFernet:
    boxes = []
    for number, key in enumerate(keys, 1):
        try:
            boxes.append(Fernet(key))
        except ValueError:
            raise ImproperlyConfigured(
                f"key {number} in MWA_CREDENTIAL_KEY is not a Fernet key (44 characters of URL-safe base64)"
            ) from None
    if not boxes:
        raise ImproperlyConfigured("MWA_CREDENTIAL_KEY holds no key")
    return MultiFernet(boxes)


class _SecretAttribute(DeferredAttribute):
    """Encrypts on assignment and opens on access, so that vars(), pickles and tracebacks hold no secret."""

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value if isinstance(value, Sealed) else seal(value or "")

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        sealed = super().__get__(instance, cls)
        if instance is None:
            return sealed
        try:
            return unseal(sealed)
        except WrongCredentialKey as error:
            what = f"{self.field.attname} of {instance._meta.verbose_name} {instance}"
            raise WrongCredentialKey(f"{what} cannot be opened: {error}; add the key it has") from None


class EncryptedTextField(models.TextField):
    """A text that the database holds encrypted. Forms can write it and never show it."""

    descriptor_class = _SecretAttribute

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else Sealed(value)

    def get_prep_value(self, value: Any) -> Any:
        return value if value is None or isinstance(value, Sealed) else seal(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        return model_instance.__dict__[self.attname]

    def get_lookup(self, lookup_name: str) -> Any:
        raise FieldError(f"{self.name} is encrypted: it cannot be searched")

    def value_from_object(self, obj: models.Model) -> str:
        return ""  # what a form shows

    def value_to_string(self, obj: models.Model) -> str:
        return ""  # what dumpdata writes

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"widget": forms.PasswordInput(render_value=False), **kwargs})

    def save_form_data(self, instance: models.Model, data: Any) -> None:
        if data:  # left empty: the stored one stays
            super().save_form_data(instance, data)
