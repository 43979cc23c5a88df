"""What is wrong with an installation, said before it starts."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from . import secretbox


@register
def credential_key(**kwargs: Any) -> list[CheckMessage]:
    """A key that cannot encrypt is found now, not when the first node is stored."""
    try:
        secretbox.seal("probe")
    except ImproperlyConfigured as error:
        return [Error(str(error), hint="Make one: openssl rand -base64 32 | tr +/ -_", id="mwaportal.E001")]
    if settings.SECRET_KEY in settings.CREDENTIAL_KEYS:
        return [Error("MWA_CREDENTIAL_KEY and MWA_SECRET_KEY are the same", id="mwaportal.E002")]
    return []


@register(deploy=True)
def debug(**kwargs: Any) -> list[CheckMessage]:
    """Settings that are for development only."""
    if settings.DEBUG:
        return [Warning("MWA_DEBUG is True: tracebacks are shown to visitors", id="mwaportal.W001")]
    return []
