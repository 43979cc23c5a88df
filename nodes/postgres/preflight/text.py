"""The checks as plain text, for a shell."""

from collections.abc import Sequence

from nodes.postgres.preflight.check import Check, amount

_SHOWN = 10
_MARKS = {"passed": "passed", "warning": "WARNING", "failed": "FAILED"}


def report(checks: Sequence[Check]) -> str:
    """One aligned line a check, what is needed and what to do below those that did not pass, and a sum."""
    columns = [(_MARKS[c.status], c.name, c.node, c.database or "-") for c in checks]
    widths = [max((len(row[i]) for row in columns), default=0) for i in range(4)]
    lines = []
    for check, row in zip(checks, columns, strict=True):
        head = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(f"{head}  {check.observed}")
        if check.status != "passed":
            lines += [f"{'':9}{label:8} {text}" for label, text in _details(check)]
    counts = {status: sum(check.status == status for check in checks) for status in _MARKS}
    total = f"{amount(len(checks), 'check')}: {counts['passed']} passed, "
    return "\n".join(
        [*lines, "", total + f"{amount(counts['warning'], 'warning')}, {counts['failed']} failed"]
    )


def _details(check: Check) -> list[tuple[str, str]]:
    names = ", ".join(check.objects[:_SHOWN])
    if len(check.objects) > _SHOWN:
        names += f" and {len(check.objects) - _SHOWN} more"
    return [("needed", check.needed), ("remedy", check.remedy)] + ([("objects", names)] if names else [])
