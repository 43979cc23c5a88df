"""A list as a file: the rows that a view of schema qsys2 has of the entries that are asked for."""

from collections.abc import Iterator
from itertools import chain, islice
from urllib.parse import urlencode

from django.core.exceptions import ValidationError

from tracking.exports import Entries

from .page import Listing

# The view of each list, and the column of it that has the keys of the list's entries.
VIEWS = {
    "tables": ("resync_status", "entry"),
    "definitions": ("library_migration_list", "definition_entry"),
    "objects": ("library_migration_list", "object_entry"),
    "paths": ("ifs_migration_list", "entry"),
    "migrated": ("migrated_library", "entry"),
    "migrated-files": ("migrated_ifs", "entry"),
    "attempts": ("migration_attempts", "entry"),
}


def link(listing: Listing) -> dict[str, str]:
    """What the page needs to lead there: the view, and the parameters of its address; nothing, if refused."""
    if listing.spec.key not in VIEWS or _refusals(listing):
        return {}
    query = {name: value for name, value in listing.query.items() if value and name != "at"}
    return {"view": VIEWS[listing.spec.key][0], "narrowed": urlencode({"list": listing.spec.key, **query})}


def entries(listing: Listing) -> Entries:
    """What is asked for, read as it is needed.

    Raises `ValidationError` where the filter cannot be read, or takes too long; the latter also later on, for
    a file that ended early would look complete.
    """
    if refusals := _refusals(listing):
        raise ValidationError(refusals)
    keys = listing.all_keys()
    first = list(islice(keys, 1))
    _need_no_trouble(listing)
    return Entries(VIEWS[listing.spec.key][1], chain(first, _to_the_end(keys, listing)))


def _to_the_end(keys: Iterator[int], listing: Listing) -> Iterator[int]:
    yield from keys
    _need_no_trouble(listing)


def _need_no_trouble(listing: Listing) -> None:
    if listing.trouble:
        raise ValidationError(listing.trouble)


def _refusals(listing: Listing) -> list[str]:
    form = listing.form
    wrong = [
        f"{form.fields[name].label}: {error}" for name, errors in form.errors.items() for error in errors
    ]
    if form.cleaned_data.get("aside") == "DONE":
        wrong.append(
            "Set aside: what was ticked off is asked for; needed is what the secondary does not have yet,"
            f" for that is what {VIEWS[listing.spec.key][0]} holds."
        )
    return wrong
