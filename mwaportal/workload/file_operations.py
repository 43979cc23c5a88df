"""What the file application does below its root: which operations there are, and how often each comes.

invoices/00012/0001234.pdf     one file per row of public.invoices, a hundred numbers to a directory
archive/0001234.pdf            a second name (hard link) of some
latest.pdf                     a symbolic link to one of them
logs/day 00012/03.log          appended to; the oldest days go whole
exports/incoming/...           grow, and are renamed to exports/done/ when they are finished; that directory
exports/sent 0001234/          is renamed as a whole now and then
"""

import random
from collections.abc import Callable

from mwaportal.workload import file_invoices, file_others
from mwaportal.workload.file_account import Account
from mwaportal.workload.file_steps import Plan

# The tree grows slowly, until it has as many paths as it may keep.
_KINDS: dict[str, tuple[float, Callable[[Account, int], Plan | None]]] = {
    "invoice": (30, file_invoices.new),
    "replace invoice": (10, file_invoices.replace),
    "stamp invoice": (8, file_invoices.stamp),
    "change mode": (6, file_invoices.change_mode),
    "link invoice": (5, file_invoices.link),
    "latest": (4, file_invoices.latest),
    "log": (25, file_others.log),
    "export": (20, file_others.export),
    "finish export": (6, file_others.finish_export),
    "put away exports": (1, file_others.put_away_exports),
    "remove invoices": (6, file_others.remove_invoices),
    "remove directory": (0.3, file_others.remove_directory),
}
KINDS = tuple(_KINDS)


def plan_for(kind: str, account: Account, number: int) -> Plan | None:
    """An operation of this kind with this number, or None where there is nothing for it to do."""
    return _KINDS[kind][1](account, number)


def any_plan(account: Account, number: int, keep: int, kinds: tuple[str, ...] = ()) -> tuple[str, Plan]:
    """By chance, of all kinds or of the given ones; an invoice where that kind finds nothing to do.

    With more than `keep` paths a whole directory goes.
    """
    among = kinds or KINDS
    kind = random.choices(among, [_KINDS[one][0] for one in among])[0]
    if len(account.paths) > keep:
        kind = "remove directory"
    if plan := plan_for(kind, account, number):
        return kind, plan
    return "invoice", file_invoices.new(account, number)
