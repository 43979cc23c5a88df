"""What there is: nodes, pairs, storage pools, and role swaps with their approvals."""

from .node import Node
from .pair import Pair
from .pool import StoragePool
from .swap import SwapRequest

__all__ = ["Node", "Pair", "StoragePool", "SwapRequest"]
