"""Settings from the environment: a value is understood, or the start fails and says which one it was."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def envbool(name: str, default: bool) -> bool:
    """True or False, written exactly so; empty is the default."""
    value = os.environ.get(name, "")
    if value not in ("True", "False", ""):
        raise ImproperlyConfigured(f"{name} is {value!r}; it has to be True or False")
    return value == "True" if value else default


def envlist(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [part.strip() for part in (os.environ.get(name) or default).split(",") if part.strip()]


def envsecret(name: str, default: str = "") -> str:
    """The variable, or the content of the file that <name>_FILE names; never in an error message."""
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return os.environ.get(name) or default
    if os.environ.get(name):
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; give one of them")
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE: {path} cannot be read: {error.strerror}") from error


def kept_secret(path: Path, make) -> str:
    """The secret in a file of ours; made by `make()` the first time, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place: of two processes that start together both read the first one's.
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.exists():
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(make())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()
