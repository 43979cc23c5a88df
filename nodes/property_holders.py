"""Whose properties they are: a pair's, or those that one of its pools has for itself."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import reverse

from .models import Pair, PoolProperties, PropertyChange, StoragePool
from .property import Property


class OfPair:
    """The properties of a pair: they hold for its file roots, and for every pool that has none of its own."""

    pool_key: int | None = None

    def __init__(self, pair: Pair) -> None:
        self.pair = pair

    def __str__(self) -> str:
        return self.pair.name

    @property
    def address(self) -> str:
        """Of the page with their form."""
        return reverse("properties", args=[self.pair.name])

    def held(self) -> "OfPair":
        """The same as it is now, which nobody else changes before the transaction ends.

        Raises `ValidationError` where the pair is being removed.
        """
        # Not against the rows that refer to a pair: who writes one may hold the pool that is changed next.
        held = Pair.objects.select_for_update(no_key=True).get(pk=self.pair.pk)
        if held.goal == Pair.Goal.REMOVED:
            raise ValidationError(f"pair {held} is being removed; needed is one that stays")
        return OfPair(held)

    def has(self, what: Property) -> bool:
        """Whether this is one of its properties."""
        return True

    def value(self, what: Property) -> Any:
        """What it is now."""
        return getattr(self.pair, what.name)

    def clean(self, what: Property, given: Any) -> Any:
        """What was typed as a value within the limits; raises `ValidationError`."""
        return what.clean(given)

    def put(self, what: Property, value: Any) -> None:
        """Have it be this."""
        setattr(self.pair, what.name, value)
        self.pair.save(update_fields=[what.name])

    def shown(self, what: Property, value: Any) -> str:
        """In words, with its unit."""
        return what.shown(value)

    def typed(self, what: Property) -> str:
        """What it is now, as somebody would type it."""
        return what.render(self.value(what))

    def seen(self, value: Any) -> str:
        """A value as a form remembers that it was seen."""
        return str(value)

    def note(self, what: Property) -> str:
        """Where its value does not hold; empty where it does everywhere."""
        pools = ", ".join(str(pool) for pool in self.pair.pools.all() if what.name in pool.own_properties)
        return f"Pools with a value of their own: {pools}." if pools else ""

    def in_force(self) -> Iterator[tuple[str, Pair | PoolProperties]]:
        """Everything that holds where its values do; before each in words where that is."""
        yield "", self.pair
        for pool in self.pair.pools.all():
            if pool.own_properties:
                yield f"pool {pool} has values of its own: ", pool.properties

    def changes(self) -> "QuerySet[PropertyChange]":
        """Who has changed it, the last one first."""
        return PropertyChange.objects.filter(key=self.pair.token, pool=self.pool_key)

    def refresh(self) -> None:
        """Read it again."""
        self.pair.refresh_from_db()


class OfPool(OfPair):
    """The properties that a pool has for itself; None is the value of one that it has not."""

    def __init__(self, pool: StoragePool) -> None:
        super().__init__(pool.pair)
        self.pool, self.pool_key = pool, pool.pk

    def __str__(self) -> str:
        return f"{self.pair}, pool {self.pool}"

    @property
    def address(self) -> str:
        """The same page, whose form is the pool's."""
        return reverse("pool-properties", args=[self.pair.name, self.pool.number])

    def held(self) -> "OfPool":
        """As of a pair; whoever changes that one waits, too."""
        return OfPool(super().held().pair.pools.get(pk=self.pool.pk))

    def has(self, what: Property) -> bool:
        """Some are the pair's alone."""
        return what.name in PoolProperties.names()

    def value(self, what: Property) -> Any:
        """None where it goes by the pair."""
        return self.pool.own_properties.get(what.name)

    def clean(self, what: Property, given: Any) -> Any:
        """The same, and None where nothing was typed."""
        if not self.has(what):
            raise ValidationError(
                f"is the pair's alone, and was given for pool {self.pool}; needed is the pair"
            )
        if given is None or (isinstance(given, str) and not given.strip()):
            return None
        return what.clean(given)

    def put(self, what: Property, value: Any) -> None:
        """Have it be this, or with None what the pair has."""
        others = {name: own for name, own in self.pool.own_properties.items() if name != what.name}
        self.pool.own_properties = others if value is None else {**others, what.name: value}
        self.pool.save(update_fields=["own_properties"])

    def shown(self, what: Property, value: Any) -> str:
        """In words; those of None say what it is then."""
        return what.shown(value) if value is not None else f"the pair's ({self.of_the_pair(what)})"

    def of_the_pair(self, what: Property) -> str:
        """In words, what holds without a value of its own."""
        return what.shown(getattr(self.pair, what.name))

    def typed(self, what: Property) -> str:
        """Nothing where it goes by the pair."""
        return "" if self.value(what) is None else super().typed(what)

    def note(self, what: Property) -> str:
        """How to go by the pair, where that is no choice."""
        return "" if what.choices else f"Left empty it is as the pair, {self.of_the_pair(what)}."

    def seen(self, value: Any) -> str:
        """Nothing for None."""
        return "" if value is None else super().seen(value)

    def in_force(self) -> Iterator[tuple[str, Pair | PoolProperties]]:
        """What holds for this one pool."""
        yield "", self.pool.properties

    def refresh(self) -> None:
        """Both."""
        super().refresh()
        self.pool.refresh_from_db(fields=["own_properties"])


def properties_of(holder: Pair | StoragePool) -> OfPair:
    """The properties of either."""
    return OfPool(holder) if isinstance(holder, StoragePool) else OfPair(holder)
