"""Properties from a shell: those of a pair, and those that one of its pools has for itself."""

from django.core.management.base import CommandError

from nodes import properties


def add_arguments(parser):
    """What the verb takes."""
    parser.add_argument("property", choices=properties.BY_NAME)
    parser.add_argument("value", nargs="?", help="sizes as bytes, or with a unit: 256MB")
    parser.add_argument("--pool", metavar="DATABASE", help="of this pool alone: its database, or its number")
    parser.add_argument(
        "--as-pair", action="store_true", help="take the pool's own value back: the pair's holds"
    )
    parser.add_argument("--user", default="", help="in whose name (default: who runs this)")


def carry_out(pair, user, given):
    """Change it; returns what holds then. Raises `CommandError` or `ValidationError`."""
    name, value = given["property"], given["value"]
    if given["as_pair"] and not given["pool"]:
        raise CommandError(
            "--as-pair was given without --pool; needed is the pool that goes by the pair again"
        )
    if given["as_pair"] == (value is not None):
        seen = f"'{value}' and --as-pair" if given["as_pair"] else "no value"
        raise CommandError(f"{name} was given {seen}; needed is a value, or with --pool --as-pair")
    pool = _pool(pair, given["pool"]) if given["pool"] else None
    properties.change(pool or pair, {name: value}, user)
    return _told(pair, pool, name)


def _pool(pair, wanted):
    """By its database first: one may be called as another's number is."""
    every = list(pair.pools.all())
    for called in ("database", "number", "asp_name"):
        for pool in every:
            if str(getattr(pool, called)) == wanted:
                return pool
    there = ", ".join(f"{pool.number} {pool.database}" for pool in every) or "none"
    raise CommandError(f"pair {pair} has no pool {wanted}; it has: {there}")


def _told(pair, pool, name):
    pair.refresh_from_db()
    if pool is None:
        return f"{name} of pair {pair} is {getattr(pair, name)}"
    pool = pair.pools.get(pk=pool.pk)
    whose = "its own" if name in pool.own_properties else "as the pair"
    return f"{name} of pool {pool} of pair {pair} is {getattr(pool.properties, name)}, {whose}"
