"""The table of object types with the figures of one pair."""

from typing import Any

import django_tables2 as tables

from mwaportal import shown

from .columns import NUMBER, List

_STATE = {"td": {"class": "state"}}


class Figure(tables.Column):
    """A count; what nobody counts for a type is empty."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, attrs=NUMBER, **{"default": "", **kwargs})

    def render(self, value: int) -> str:
        return shown.number(value)


class CountedTable(List):
    """Object types and migration, with how many objects of each a pair has."""

    object_type = tables.Column(
        accessor="support__object_type", verbose_name="Type", attrs={"td": {"class": "name"}}
    )
    on_primary = Figure(verbose_name="On the primary", default=shown.UNKNOWN)
    on_list = Figure(verbose_name="On the list")
    failed = Figure()
    migrated = Figure()
    tracking_list = tables.Column(accessor="support__tracking_list", verbose_name="List", default="")
    system_migration = tables.Column(accessor="support__system_migration", verbose_name="System migration")
    data_synchronization = tables.Column(
        accessor="support__data_synchronization", verbose_name="Data synchronization"
    )
    exceptions = tables.Column(accessor="support__exceptions", default="")

    class Meta(List.Meta):
        empty_text = "No type of object has this list, stage and name."

    def render_on_primary(self, value: int, record: Any) -> str:
        """Rows are an estimate."""
        return f"about {value:,}" if record.support.object_type == "rows of tables" else f"{value:,}"
