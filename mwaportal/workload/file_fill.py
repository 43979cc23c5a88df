"""The files that are there before the file application begins, and their rows."""

from pathlib import Path

from mwaportal.workload import file_journal
from mwaportal.workload.file_account import Account, file_state
from mwaportal.workload.file_invoices import invoice_path, pdf
from mwaportal.workload.file_steps import put
from nodes.postgres.connect import connect

_ROWS = """
    insert into public.invoices (number, path)
    select number, path from unnest(%s::bigint[], %s::text[]) as invoices(number, path) on conflict do nothing
"""


def fill(root: Path, directory: Path, conninfo: str, files: int) -> None:
    """Write so many invoices below a root, commit their rows, and begin the account in `directory`.

    Does nothing where there is an account; one that was interrupted is done again.
    """
    root.mkdir(parents=True, exist_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    if file_journal.exists(directory):
        return
    account = Account(number=files)
    for number in range(1, files + 1):
        content = pdf(number)
        put(root / invoice_path(number), content)
        account.paths[invoice_path(number)] = file_state(content, 0o644)
    with connect(conninfo, "shop") as connection:
        connection.execute(_ROWS, (list(range(1, files + 1)), list(account.paths)))
    file_journal.write(directory, account)
