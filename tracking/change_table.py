"""The list of who has changed which property, and when."""

import django_tables2 as tables

from nodes.properties import BY_NAME

from .columns import List, When


class ChangeTable(List):
    """Changes of properties, newest first."""

    at = When(verbose_name="At")
    by = tables.Column()
    about = tables.Column(verbose_name="Of")
    name = tables.Column(verbose_name="Property")
    before = tables.Column(verbose_name="From", default="")
    after = tables.Column(verbose_name="To", default="")

    class Meta(List.Meta):
        empty_text = "Nobody has changed anything yet."

    def render_name(self, value: str) -> str:
        """As the page calls it."""
        return BY_NAME[value].label if value in BY_NAME else value
