"""What there is: nodes, pairs, storage pools, file roots, criteria, and role swaps with their approvals."""

from .change import PropertyChange
from .criteria import CriteriaChange, CriteriaRule
from .fileroot import FileRoot
from .node import Node
from .pair import Pair
from .pool import StoragePool
from .pool_properties import PoolProperties
from .swap import SwapRequest

__all__ = [
    "CriteriaChange",
    "CriteriaRule",
    "FileRoot",
    "Node",
    "Pair",
    "PoolProperties",
    "PropertyChange",
    "StoragePool",
    "SwapRequest",
]
