"""Which host has the files of a node, whether this process is there, and the way to the others."""

from django.conf import settings

from nodes.models import Node, Pair
from tracking.ifs.host import Host
from tracking.ifs.not_reached import NotReached
from tracking.ifs.roots import SIDES, Side


def is_here(node: Node) -> bool:
    """Whether this process is on the host that has a node's files."""
    return bool(node.file_host == settings.FILE_HOST)


def sides_here(source: Node, copy: Node) -> tuple[Side, ...]:
    """Of these two, those whose files are on this host."""
    return tuple(side for side, node in zip(SIDES, (source, copy), strict=True) if is_here(node))


def works_here(pair: Pair) -> bool:
    """Whether this process may work on a pair: on one with file roots, where the primary's files are.

    To remove a pair no files are needed, nor to end the role swap of an engine that is gone with its host.
    """
    if is_here(pair.primary) or not pair.file_roots.exists():
        return True
    return pair.goal == Pair.Goal.REMOVED or pair.swaps.filter(state__in=("RUNNING", "COMMITTED")).exists()


def way_to(node: Node) -> Host:
    """To the host of a node's files; raises `NotReached` where nothing that holds is known of it."""
    needed = f"needed is mwa node-files {node} --host, with a key"
    if not node.file_host:
        raise NotReached(
            "unreachable", f"the files of node {node} are on the portal's host, of which no address is"
            f" known; {needed}",
        )  # fmt: skip
    if not node.file_key:
        raise NotReached("login", f"there is no ssh key for {node.file_host}, node {node}; {needed}")
    try:
        return Host(node.file_host, node.file_port, node.file_user, node.file_key, node.file_host_key)
    except ValueError as error:
        raise NotReached("host key", f"node {node}: {error}") from error
