"""A process that carries files: what it is told comes by standard input, what became of it goes out."""

import ctypes
import os
import pickle
import signal
import sys
from contextlib import suppress

from tracking.ifs.hand import Hand
from tracking.ifs.opened import Opened

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main() -> None:
    """Tasks of one root, until there are no more.

    Killed with its parent: whoever comes next must not find that a file of before is still on its way.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent, root, forbidden, known, options = pickle.load(sys.stdin.buffer)
    if os.getppid() != parent:
        return
    with Opened(root, forbidden, known) as opened:
        hand = Hand(opened, options)
        while (task := pickle.load(sys.stdin.buffer)) is not None:
            pickle.dump(hand.carry(*task), sys.stdout.buffer)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    with suppress(EOFError, BrokenPipeError):
        main()
