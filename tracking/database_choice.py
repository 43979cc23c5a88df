"""Choosing the databases of a pair: what its source has, what is chosen already, and what was typed."""

from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.http import QueryDict

from nodes.models import Pair
from nodes.postgres import offered
from nodes.postgres.connect import Unreachable
from nodes.postgres.offered import Database

_MOST = 1_000  # names in one post


@dataclass
class Choice:
    """`away` is why the source does not answer; then names are typed, as nobody can offer them."""

    rows: list[Database]
    chosen: list[str]
    first: str
    away: str = ""
    typed: str = ""
    refused: list[str] = field(default_factory=list)

    @classmethod
    def offered_by(cls, pair: Pair) -> "Choice":
        """What can be chosen now; takes some seconds where the source does not answer."""
        chosen = [pool.database for pool in pair.pools.all()]
        first = chosen[0] if chosen else ""
        try:
            return cls(offered.databases(pair.source.own_conninfo), chosen, first)
        except Unreachable as error:
            return cls([], chosen, first, away=str(error), typed="\n".join(chosen))

    @classmethod
    def of(cls, pair: Pair, given: QueryDict) -> "Choice":
        """What somebody has sent, beside what the source has now."""
        now = cls.offered_by(pair)
        now.typed = given.get("typed", "")
        lines = [line.strip() for line in now.typed.splitlines() if line.strip()] if now.away else []
        now.chosen = [*given.getlist("database"), *lines][:_MOST]
        now.first = given.get("first", "")
        return now

    def in_order(self) -> list[str]:
        """The names, the first one first; raises `ValidationError` for what is not there, or not chosen."""
        there = {row.name for row in self.rows}
        if not self.away and (missing := [name for name in self.chosen if name not in there]):
            has = ", ".join(sorted(there)) or "none"
            raise ValidationError(f"the source has no database {', '.join(missing[:5])}; it has: {has}")
        if self.first and self.first not in self.chosen:
            raise ValidationError(
                f"database {self.first} is to be *SYSBAS and is not chosen; needed is one of those that are"
            )
        return sorted(self.chosen, key=lambda name: name != self.first)
