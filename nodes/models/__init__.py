"""What there is: nodes, pairs, storage pools, replication criteria, and role swaps with their approvals."""

from .criteria import CriteriaChange, CriteriaRule
from .node import Node
from .pair import Pair
from .pool import StoragePool
from .swap import SwapRequest

__all__ = ["CriteriaChange", "CriteriaRule", "Node", "Pair", "StoragePool", "SwapRequest"]
