"""The file roots of a pair from a shell: add, list, remove, compare."""

import getpass

from django.core.management.base import CommandError

from mwaportal.shell import await_pair, tell
from nodes.models import FileRoot
from tracking import fileroots
from tracking.models import FileCompare


def add_arguments(parser):
    """An act for each thing that can be done, with its own arguments."""
    acts = parser.add_subparsers(dest="act", required=True)

    def add(act, text, *arguments):
        made = acts.add_parser(act, help=text)
        made.add_argument("name", help="of the pair")
        for argument in arguments:
            made.add_argument(argument)
        return made

    added = add("add", "have a directory on the source kept equal on the copy", "source", "copy")
    added.add_argument(
        "--exclude", action="extend", nargs="+", default=[], metavar="PATTERN", help="as in .gitignore"
    )
    added.add_argument("--query", default="", metavar="SQL", help="returns the paths that rows name")
    added.add_argument("--database", default="", help="of the query; without it the first one")
    add("list", "those that there are")
    removed = add("remove", "end the tracking; both trees stay", "number")
    compared = add("compare", "compare both trees while writing goes on", "number")
    compared.add_argument("--metadata", action="store_true", help="without opening files")
    compared.add_argument(
        "--wait", type=float, default=3600, metavar="SECONDS", help="wait so long (%(default)s)"
    )
    for changed in (added, removed):
        changed.add_argument("--user", default="", help="in whose name (default: who runs this)")


def carry_out(pair, given):
    """Do what was asked for; yields lines. Raises `CommandError` or `ValidationError`."""
    return {"add": _add, "list": _list, "remove": _remove, "compare": _compare}[given["act"]](pair, given)


def _add(pair, given):
    root = FileRoot(
        pair=pair, source=given["source"], copy=given["copy"], exclusions="\n".join(given["exclude"]),
        query=given["query"], query_pool=_pool(pair, given["database"], given["query"]),
    )  # fmt: skip
    fileroots.add(root, _user(given))
    tell(pair)
    yield f"file root {root.number} of pair {pair}: {root.source} -> {root.copy}"


def _list(pair, _):
    for root in fileroots.counted().filter(pair=pair):
        yield f"{root.number}  {root.standing}  {root.source} -> {root.copy}  {fileroots.said_of([root])}"
        if root.reason:
            yield f"    {root.reason} {root.why}"
        for pattern in root.patterns:
            yield f"    left out: {pattern}"
        if root.query:
            yield f"    rows name: {root.query}"


def _remove(pair, given):
    root = _root(pair, given["number"])
    fileroots.remove(root, _user(given))
    tell(pair)
    yield f"file root {root.number} of pair {pair} is not tracked any more; both trees stay as they are"


def _compare(pair, given):
    root = _root(pair, given["number"])
    asked = FileCompare.request(root, content=not given["metadata"], by=getpass.getuser())
    tell(pair)
    going_on = FileCompare.objects.filter(pk=asked.pk, ended_at=None)
    await_pair(pair, "compared", given["wait"], lambda _: not going_on.exists())
    found = FileCompare.objects.filter(pk=asked.pk).first()
    if found is None:
        raise CommandError(f"file root {root} was removed while it was compared")
    yield f"{root}: {found.verdict}: {found.objects_compared} objects, {found.bytes_compared} bytes"
    yield from _told(found)
    if found.verdict != "EQUAL":
        raise CommandError(f"the files below {root} were not proved equal")


def _told(compare):
    for each in compare.differences:
        yield f"    {each['path']}: {each['kind']}, {each['type']}, {each['what']}"
    if more := compare.difference_count - len(compare.differences):
        yield f"    and {more} more"
    if compare.message:
        yield f"    {compare.message}"


def _pool(pair, database, query):
    if not database:
        return None
    if not query:
        raise CommandError(f"database {database} was given without a query; needed is --query, too")
    found = pair.pools.filter(database=database).first()
    if found is None:
        names = ", ".join(pool.database for pool in pair.pools.all())
        raise CommandError(f"pair {pair} has no database {database}; it has: {names}")
    return found


def _root(pair, number):
    found = pair.file_roots.filter(number=number).first() if number.isdecimal() else None
    if found is None:
        numbers = ", ".join(str(root.number) for root in pair.file_roots.all()) or "none"
        raise CommandError(f"pair {pair} has no file root {number}; there are: {numbers}")
    return found


def _user(given):
    return given["user"] or getpass.getuser()
