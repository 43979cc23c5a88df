"""Limits of numbers, whose refusal says the value that was seen and the one that is needed."""

from django.core.validators import BaseValidator, MaxValueValidator, MinValueValidator

_LEAST = "is %(show_value)s, needed is at least %(limit_value)s"
_MOST = "is %(show_value)s, needed is at most %(limit_value)s"


def within(least: int, most: int) -> list[BaseValidator]:
    """The validators of a field whose values are from `least` to `most`."""
    return [MinValueValidator(least, _LEAST), MaxValueValidator(most, _MOST)]


def limits(validators: list[object]) -> tuple[int, int] | None:
    """The limits that were given with `within`; None where there are none."""
    given = [each for each in validators if getattr(each, "message", "") in (_LEAST, _MOST)]
    if len(given) != 2:
        return None
    least, most = (each.limit_value for each in given)  # type: ignore[attr-defined]
    return least, most
