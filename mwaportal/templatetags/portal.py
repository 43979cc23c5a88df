"""Template tags: every status looks the same everywhere."""

from functools import lru_cache

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mwaportal import shown
from nodes import status as vocabularies
from nodes.models import StoragePool

register = template.Library()
register.filter("number", shown.number)
register.filter("size", shown.size)
register.filter("rate", shown.rate)
register.filter("duration", shown.duration)
register.filter("columns", shown.columns)
register.filter("when", shown.when)


@register.simple_tag
def status(vocabulary: str, value: str) -> SafeString:
    """Icon, text and colour of a value of one of the vocabularies in nodes/status.py."""
    found = getattr(vocabularies, vocabulary)[value]
    return indicator(found.kind, found.label)


@register.simple_tag
def replication_detail(pool: StoragePool) -> SafeString:
    """The detail of a pool's replication; a suspend that was asked for or ends by itself does not alarm."""
    found = vocabularies.REPLICATION_DETAIL[pool.detail]
    calm = pool.detail == "SUSPENDED" and not pool.in_trouble
    return indicator("caution-minor" if calm else found.kind, found.label)


@register.simple_tag
def indicator(kind: str, label: str) -> SafeString:
    """Icon and text of one of Carbon's kinds of status."""
    return format_html('<span class="status status-{}">{}{}</span>', kind, icon(kind), label)


@register.simple_tag
@lru_cache
def icon(name: str) -> SafeString:
    """One shape of the sprite; the text beside it says the same."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons.svg"), name
    )
