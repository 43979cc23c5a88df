"""The two nodes of a pair: where they are, who they are, and who has changed that."""

from typing import Any

from mwaportal.secretbox import WrongCredentialKey
from nodes.models import Node, PropertyChange
from nodes.postgres.connect import describe
from tracking.change_table import ChangeTable

from .view import PairView

_SHOWN = 20


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    pair = view.pair
    both = [("Source", pair.source), ("Copy", pair.copy)]
    keys = [f"node {node.pk}" for _, node in both]
    changes = PropertyChange.objects.filter(key__in=keys)[:_SHOWN]
    return {
        "shown": [(side, node, _where(node), node.pk == pair.primary.pk) for side, node in both],
        "change_table": ChangeTable(list(changes)),
    }


def _where(node: Node) -> str:
    """Where it is, without the password."""
    if node.directory:
        return f"embedded server in {node.directory}"
    try:
        return describe(node.conninfo)
    except WrongCredentialKey as error:
        return str(error)
