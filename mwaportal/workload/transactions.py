"""The transactions of the shop's clients: which there are, how often each comes, and how one is run."""

import random
import re
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.numeric import Int8Dumper

from mwaportal.workload.shop import plan

Session = psycopg.Connection[tuple[Any, ...]]

# Out of 10,000. All but the last two are one statement each, thus one round trip.
WEIGHTS = {
    "order": 2200,
    "pay": 1500,
    "move stock": 1950,
    "change customer": 1000,
    "new customer": 200,
    "change price": 1000,
    "change description": 50,
    "new product": 50,
    "ship": 300,
    "postpone": 300,
    "wish": 300,
    "change wish": 100,
    "renumber lines": 150,
    "return lines": 150,
    "cancel order": 200,
    "update many": 98,
    "log": 40,
    "correct log": 10,
    "bulk": 2,
    "order by hand": 300,
    "abandoned order": 100,
}
_HOT_PRODUCTS = 10
_KINDS = tuple(WEIGHTS)
_CHANCES = tuple(WEIGHTS.values())


def _statements() -> dict[str, str]:
    text = Path(__file__).with_name("transactions.sql").read_text()
    parts = re.split(r"^-- name: (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


_PARTS = _statements()
_WHOLE = {name: f"{_PARTS['effects']}\n{part}" for name, part in _PARTS.items()}


def any_kind(kinds: tuple[str, ...] = ()) -> str:
    """A kind of transaction by chance, of all or of the given ones."""
    return random.choice(kinds) if kinds else random.choices(_KINDS, _CHANCES)[0]


class Shop:
    """What one session sees of the shop: the server it has reached, and how far the ids go there."""

    def __init__(self, session: Session, writer: int) -> None:
        """Raises psycopg.Error where the shop cannot be read, or has not been filled."""
        # One type for every number: psycopg would prepare a statement anew for each mixture of their sizes.
        session.adapters.register_dumper(int, Int8Dumper)
        row = session.execute(_PARTS["start"], {"writer": writer}).fetchone()
        if row is None:
            raise psycopg.DataError("the shop has not been filled: public.settings has no row 'rows'")
        self.session = session
        self.writer = writer
        self.last_number, self.server, self.orders, rows = row
        # Those of the first filling are all there: later ids have gaps, since a crash makes sequences jump.
        self.customers, self.products = plan(rows)["customers"], plan(rows)["products"]

    def commit(self, kind: str, number: int) -> None:
        """Commit a transaction that writes `number` into the ledger.

        Raises psycopg.Error; then it may have been committed all the same, if the session is broken.
        """
        values = self._values(number)
        if kind == "abandoned order":
            self._order_by_hand(values, abandon=True)
            kind = "move stock"
        if kind == "order by hand":
            self._order_by_hand(values, abandon=False)
        else:
            self.session.execute(_WHOLE[kind], values)

    def _values(self, number: int) -> dict[str, Any]:
        hot = random.random() < 0.2
        return {
            "writer": self.writer,
            "number": number,
            "product": random.randint(1, min(_HOT_PRODUCTS, self.products) if hot else self.products),
            "products": self.products,
            "quantity": random.randint(1, 4),
            "customer": random.randint(1, self.customers),
            "order": random.randint(1, self.orders),
            "day": random.randint(0, 240),
            "text": f"w{self.writer}-{number}",
        }

    def _order_by_hand(self, values: dict[str, Any], *, abandon: bool) -> None:
        # Several statements and a COMMIT of its own, whose answer can get lost.
        with self.session.transaction() as transaction:
            self.session.execute(_PARTS["choose customer"], values)
            row = self.session.execute(_PARTS["open order"], values).fetchone()
            opened = {**values, "opened": row and row[0]}
            self.session.execute(_PARTS["add line"], opened)
            self.session.execute(_PARTS["settle"], opened)
            self.session.execute(_WHOLE["move stock"], values)
            if abandon:
                raise psycopg.Rollback(transaction)
