"""Random statements of an application: definitions and rows, from what a database holds at the moment."""

from collections.abc import Callable

from tests.random_others import (
    attach_partition,
    change_domain,
    change_enum,
    change_function,
    change_materialized_view,
    change_view,
    detach_partition,
    new_function,
    new_partition,
    new_type,
    new_view,
    privilege,
    schema,
    sequence,
)
from tests.random_rows import changed_rows, emptied, gone_rows, rows
from tests.random_tables import (
    add_column,
    change_column,
    change_constraint,
    change_index,
    change_table,
    change_type,
    crosswise,
    drop_table,
    new_constraint,
    new_index,
    new_table,
    statistics,
    temporary,
    trigger,
)
from tests.random_world import Nothing, World

Maker = Callable[[World], str]
MAKERS: list[tuple[int, Maker]] = [
    (14, rows), (8, changed_rows), (4, gone_rows), (1, emptied), (6, new_table), (7, add_column), (10, change_column),
    (5, change_type), (5, change_table), (1, drop_table), (6, new_constraint), (4, change_constraint), (4, new_index),
    (3, change_index), (4, new_view), (3, change_view), (2, change_materialized_view), (3, new_function),
    (4, change_function), (3, trigger), (3, new_type), (3, change_enum), (2, change_domain), (4, sequence), (2, schema),
    (4, new_partition), (2, attach_partition), (2, detach_partition), (3, privilege), (2, crosswise), (1, temporary),
    (1, statistics),
]  # fmt: skip


def statement(w: World) -> str:
    """One or several, from what there is now."""
    for _ in range(20):
        [maker] = w.random.choices([m for _, m in MAKERS], [weight for weight, _ in MAKERS])
        try:
            return maker(w)
        except Nothing:
            continue
    return new_table(w)
