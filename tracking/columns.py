"""What the tables on the pages are made of: numbers, sizes, times, statuses."""

from typing import Any

import django_tables2 as tables
from django.utils.safestring import SafeString

from mwaportal import shown
from mwaportal.templatetags.portal import status

STATE = {"td": {"class": "state"}}
LONG = {"td": {"class": "path"}}
NUMBER = {"td": {"class": "num"}, "th": {"class": "num"}}


class Number(tables.Column):
    """A count; None is unknown."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, attrs=NUMBER, default=shown.UNKNOWN, **kwargs)

    def render(self, value: int) -> str:
        return shown.number(value)


class Size(Number):
    """Bytes."""

    def render(self, value: float) -> str:
        return shown.size(value)


class When(tables.Column):
    """A time."""

    def render(self, value: Any) -> str:
        return shown.when(value)


class StatusColumn(tables.Column):
    """A value of one of the vocabularies in nodes/status.py."""

    def __init__(self, vocabulary: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, empty_values=(), **kwargs)
        self.vocabulary = vocabulary

    def render(self, value: str) -> SafeString:
        return status(self.vocabulary, value)


class List(tables.Table):
    """What our lists have in common: they are short, in the page's order, and named for their readers."""

    class Meta:
        template_name = "tables/table.html"
        orderable = False
        empty_text = "Nothing."
