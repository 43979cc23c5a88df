"""The parent's end of a tracker of files: start it, ask it for a barrier, hear what it says."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from tracking.process import Event, Process, ProcessFailed

from .tracker import TrackerConfig


class TrackerFailed(ProcessFailed):
    """The tracker ended, or did not answer in time; the message says what it last said."""


@dataclass(frozen=True)
class Barrier:
    """All that had happened is listed. What changes in `unwatched` parts is found only by walking them.

    These are paths by reason; bytes that are not UTF-8 are surrogates.
    """

    listed: int
    unwatched: dict[str, str]


class TrackerProcess(Process):
    """A running tracker. `latest` is its last report of what it has listed.

    `on_event` hears the same: each "listed" is a reason to take from the list, and its `walks` are what could
    not be told path by path.
    """

    module = "tracking.ifs.tracker"
    what = "tracker"
    reports = "listed"
    failure = TrackerFailed

    def __init__(self, config: TrackerConfig, on_event: Callable[[Event], None] | None = None) -> None:
        self._barriers = 0
        super().__init__(asdict(config), on_event)

    def barrier(self, seconds: float = 30.0) -> Barrier:
        """List everything whose system call had returned when this is called, due or not.

        Raises `TrackerFailed`, with the reason: then nothing is proved.
        """
        self._barriers += 1
        answer = self._ask("barrier", seconds, do="barrier", number=self._barriers)
        if answer["number"] != self._barriers:
            raise TrackerFailed(f"barrier {self._barriers} was asked for, {answer['number']} answered")
        return Barrier(answer["listed"], answer["unwatched"])
