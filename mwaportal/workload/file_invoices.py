"""What becomes of an invoice's file: made, replaced, stamped, given another mode or a second name."""

import random
from contextlib import suppress
from functools import partial
from pathlib import Path

from mwaportal.workload.file_account import Account, Changes, file_state
from mwaportal.workload.file_steps import Made, Plan, content_of, make_parent, put, write_at

_MODES = (0o644, 0o640, 0o600, 0o660)
_STAMP = 48


def invoice_path(number: int) -> str:
    """Where an invoice lies, relative to the root."""
    name = f"{number:07} für Zoë.pdf" if number % 10 == 0 else f"{number:07}.pdf"
    return f"invoices/{number // 100:05}/{name}"


def second_name(path: str) -> str:
    """Where the archive has an invoice, if it has it."""
    return f"archive/{Path(path).name}"


def pdf(number: int) -> bytes:
    """1 to 16 KiB that begin and end as a PDF does, new ones every time."""
    body = random.randbytes(random.randint(1 << 10, 16 << 10) - 30)
    return b"%%PDF-1.4\n%% %d\n" % number + body + b"\n%%EOF\n"


def oldest(account: Account) -> list[str]:
    """The paths of all invoices, the oldest one first."""
    return account.below("invoices/")


def any_invoice(account: Account) -> str | None:
    """One by chance, or None where there are none."""
    for _ in range(20):  # one operation in three makes an invoice
        path = invoice_path(random.randint(1, max(1, account.number)))
        if account.paths.get(path, "").startswith("file "):
            return path
    invoices = [path for path in oldest(account) if account.paths[path].startswith("file ")]
    return random.choice(invoices) if invoices else None


def new(account: Account, number: int) -> Plan:
    """A new file, and then a row that names it."""
    path, content = invoice_path(number), pdf(number)
    changes: Changes = {path: (None, file_state(content, 0o644))}
    return Plan(lambda root: (changes, [partial(put, root / path, content)]), row=path)


def replace(account: Account, number: int) -> Plan | None:
    """A new content, by another file that takes the name."""
    if (path := any_invoice(account)) is None:
        return None
    mode, content, new = _mode(account, path), pdf(number), f"{path}.part"
    changes: Changes = {path: (account.paths[path], file_state(content, mode)), new: (None, None)}

    def make(root: Path) -> Made:
        return changes, [partial(put, root / new, content, mode), partial((root / new).replace, root / path)]

    return Plan(make)


def stamp(account: Account, number: int) -> Plan | None:
    """Some bytes in the middle are written over."""
    if (path := any_invoice(account)) is None:
        return None

    def make(root: Path) -> Made:
        old = content_of(root / path)
        where, stamped = len(old) // 2, f"paid, see {number}".encode().ljust(_STAMP)
        new = old[:where] + stamped + old[where + _STAMP :]
        changes: Changes = {
            name: (account.paths[name], file_state(new, _mode(account, name)))
            for name in _names(account, root, path)
        }
        return changes, [partial(write_at, root / path, where, stamped)]

    return Plan(make)


def change_mode(account: Account, number: int) -> Plan | None:
    """Other permissions; the owner may always write."""
    if (path := any_invoice(account)) is None:
        return None
    mode = random.choice([mode for mode in _MODES if mode != _mode(account, path)])

    def make(root: Path) -> Made:
        state = file_state(content_of(root / path), mode)
        changes: Changes = {name: (account.paths[name], state) for name in _names(account, root, path)}
        return changes, [partial((root / path).chmod, mode)]

    return Plan(make)


def link(account: Account, number: int) -> Plan | None:
    """A second name in the archive: a hard link."""
    path = any_invoice(account)
    if path is None or second_name(path) in account.paths:
        return None
    name, state = second_name(path), account.paths[path]
    changes: Changes = {name: (None, state), path: (state, state)}

    def make(root: Path) -> Made:
        return changes, [partial(make_parent, root / name), partial((root / name).hardlink_to, root / path)]

    return Plan(make)


def latest(account: Account, number: int) -> Plan | None:
    """A symbolic link that is replaced."""
    name, new, target = "latest.pdf", ".latest.pdf.part", any_invoice(account)
    before = account.paths.get(name)
    if target is None or before == f"link {target}":
        return None
    changes: Changes = {name: (before, f"link {target}"), new: (None, None)}

    def make(root: Path) -> Made:
        return changes, [partial((root / new).symlink_to, target), partial((root / new).replace, root / name)]

    return Plan(make)


def _names(account: Account, root: Path, path: str) -> list[str]:
    # Those of one file: what is written by one of them is there by all.
    other = second_name(path)
    with suppress(FileNotFoundError):
        if other in account.paths and (root / other).samefile(root / path):
            return [path, other]
    return [path]


def _mode(account: Account, path: str) -> int:
    return int(account.paths[path].split()[2], 8)
