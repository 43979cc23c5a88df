"""The guide: the four steps of a migration, what may be done at each now, and what stands in its way."""

from .pending import Pending, pending
from .steps import Step, steps

__all__ = ["Pending", "Step", "pending", "steps"]
