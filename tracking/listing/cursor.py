"""Where a page of a list begins, as it stands in an address: signed, for it becomes part of a query."""

from dataclasses import dataclass

from django.core import signing

from .keyset import Position

_SALT = "tracking.listing"


@dataclass(frozen=True)
class Mark:
    """Begin behind an entry, or end before it (`backwards`), in the order of a sort."""

    position: Position
    backwards: bool = False


def written(mark: Mark, key: str, sort: str) -> str:
    """For an address of this list in this order."""
    at = mark.position
    return signing.dumps([key, sort, int(mark.backwards), at.rank, at.value, at.id], salt=_SALT)


def taken(text: str, key: str, sort: str) -> Mark | None:
    """What an address says; None where that is of another list or order. Raises ValueError if garbled."""
    try:
        of, order, backwards, rank, value, pk = signing.loads(text, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise ValueError("the address holds no page of this list; it is shown from its beginning") from error
    return Mark(Position(rank, value, pk), bool(backwards)) if (of, order) == (key, sort) else None
