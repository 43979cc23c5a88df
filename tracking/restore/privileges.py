"""What is granted on an object that event triggers do not see, and making it the same on the copy."""

from collections.abc import Collection, Iterable
from typing import NamedTuple, TypeVar

from psycopg import sql

from nodes.postgres.connect import Connection

from .carrying import run

T = TypeVar("T")


class Grant(NamedTuple):
    """One privilege; as text, as exploded.sql reads it."""

    grantor: str
    grantee: str  # '' is PUBLIC
    privilege: str
    grantable: str  # true, false


Grants = frozenset[Grant]


def exploded(acl: str, owner: str, kind: str) -> sql.SQL:
    """An expression for all grants in the column `acl`, or those that `kind` of object has by default."""
    return sql.SQL(
        "array(select array[pg_get_userbyid(grantor)::text,"
        " case grantee when 0 then '' else pg_get_userbyid(grantee)::text end,"
        " privilege_type, is_grantable::text]"
        f" from aclexplode(coalesce({acl}, acldefault('{kind}', {owner}))))"
    )


def grants(rows: Iterable[Iterable[str]], known: Collection[str]) -> Grants:
    """What `exploded` has answered, without roles that only the copy has: `known` are the source's."""
    found = (Grant(*row) for row in rows)
    return frozenset(each for each in found if not each.grantee or each.grantee in known)


def make_equal(secondary: Connection, on: sql.Composable, owner: str, have: Grants, wanted: Grants) -> None:
    """Make the grants on an object of the copy (`database x`) the wanted ones.

    All are granted anew, unless they are the same: what others have granted on goes with the owner's grants.
    """
    if have != wanted:
        grantees = {each.grantee for each in have if each.grantor == owner}
        revoke = sql.SQL("revoke all on {} from {} cascade")
        run(secondary, [revoke.format(on, _role(grantee)) for grantee in sorted(grantees)])
        run(secondary, [_granted(each, on, owner) for each in _in_order(wanted, owner)])


def in_order(found: Iterable[T], first: str, giver: dict[T, str], receiver: dict[T, str]) -> list[T]:
    """Grants so that nobody gives what he has not been given before; `first` has it anyway."""
    able, rest, ordered = {first}, list(found), list[T]()
    while ready := [each for each in rest if giver[each] in able]:
        ordered += ready
        able |= {receiver[each] for each in ready if each in receiver}
        rest = [each for each in rest if each not in ready]
    return ordered + rest


def _in_order(wanted: Grants, owner: str) -> list[Grant]:
    giver = {each: each.grantor for each in wanted}
    receiver = {each: each.grantee for each in wanted if each.grantable == "true"}
    return in_order(sorted(wanted), owner, giver, receiver)


def _granted(grant: Grant, on: sql.Composable, owner: str) -> sql.Composable:
    option = " with grant option" if grant.grantable == "true" else ""
    statement = sql.SQL("grant {} on {} to {}" + option).format(
        sql.SQL(grant.privilege), on, _role(grant.grantee)
    )  # fmt: skip
    if grant.grantor == owner:  # a superuser grants as the owner does
        return statement
    return sql.SQL("set local role {}; {}; reset role").format(sql.Identifier(grant.grantor), statement)


def _role(name: str) -> sql.Composable:
    return sql.Identifier(name) if name else sql.SQL("public")
