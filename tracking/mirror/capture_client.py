"""The parent's end of a capture process: start it, tell it what to do, hear what it says."""

from collections.abc import Callable
from dataclasses import asdict

from tracking.process import Event, Process, ProcessFailed

from .capture import CaptureConfig


class CaptureFailed(ProcessFailed):
    """The capture process ended, or did not answer in time; the message says what it last said."""


class CaptureProcess(Process):
    """A running capture. `latest` is its last report of the position up to which the list is durable.

    When it is killed, what it had not confirmed is still in the slot.
    """

    module = "tracking.mirror.capture"
    what = "capture"
    reports = "position"
    failure = CaptureFailed

    def __init__(self, config: CaptureConfig, on_event: Callable[[Event], None] | None = None) -> None:
        super().__init__(asdict(config), on_event)

    def hold(self, seconds: float = 10.0) -> Event:
        """From now on it lists on, but confirms nothing further to the source."""
        return self._ask("held", seconds, do="hold")

    def begin_sheet(self, seconds: float = 60.0) -> int:
        """Begin a new sheet; returns its number. All before it is listed on the earlier ones."""
        return int(self._ask("sheet", seconds, do="sheet")["sheet"])

    def until(self, position: int, seconds: float = 60.0) -> Event:
        """List everything up to a position, confirm exactly that, and end."""
        return self._ask("reached", seconds, do="until", position=position)
