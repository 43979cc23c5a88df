"""How a node is: looked at every few seconds while it is at work."""

from .figures import Figures, read
from .look import Watch

__all__ = ["Figures", "Watch", "read"]
