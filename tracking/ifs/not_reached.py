"""That the host of the copy cannot be worked with."""

from typing import Literal

Problem = Literal["unreachable", "host key", "login", "rsync"]


class NotReached(Exception):
    """The host cannot be worked with now; `problem` says which kind it is, the message the rest.

    What was carried before is whole. An unreachable host may come back by itself; the others need somebody.
    """

    def __init__(self, problem: Problem, message: str) -> None:
        super().__init__(message)
        self.problem: Problem = problem
