"""What there is: nodes, pairs, storage pools, file roots, criteria, and role swaps with their approvals."""

from .change import PropertyChange
from .criteria import CriteriaChange, CriteriaRule
from .fileroot import FileRoot
from .node import Node
from .pair import Pair
from .pool import StoragePool
from .swap import SwapRequest

__all__ = [
    "CriteriaChange",
    "CriteriaRule",
    "FileRoot",
    "Node",
    "Pair",
    "PropertyChange",
    "StoragePool",
    "SwapRequest",
]
