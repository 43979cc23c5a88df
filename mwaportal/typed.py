"""How people type values: sizes with a unit. The counterpart of `shown`."""

import re

from django.core.exceptions import ValidationError

_UNITS = {"": 1, "B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
_SIZE = re.compile(r"\s*([0-9][0-9,_ ]*(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")
_LARGEST = 2**63 - 1


def size(text: str) -> int:
    """Bytes, typed as 268435456, 256 MB or 1.5 GB (units of 1,024); raises `ValidationError`."""
    found = _SIZE.fullmatch(text)
    unit = _UNITS.get(found[2].upper()) if found else None
    if found is None or unit is None:
        raise ValidationError(f"is '{text}', needed is a number of bytes, or one with kB, MB, GB or TB")
    value = round(float(re.sub("[,_ ]", "", found[1])) * unit) if "." in found[1] else _whole(found[1]) * unit
    if value > _LARGEST:
        raise ValidationError(f"is '{text}', needed is at most {_LARGEST:,} bytes")
    return value


def as_size(value: int) -> str:
    """As it is typed: in the largest unit in which nothing is lost."""
    for name in ("TB", "GB", "MB", "kB"):
        unit = _UNITS[name.upper()]
        if value and value % unit == 0:
            return f"{value // unit} {name}"
    return f"{value} B"


def _whole(digits: str) -> int:
    return int(re.sub("[,_ ]", "", digits)[:40])  # far beyond the largest
