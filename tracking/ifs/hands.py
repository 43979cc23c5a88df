"""Processes that carry the files of directories, some hundred at a time; started when there is much to do."""

import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .hand import Batch, Hand, Task
from .opened import Opened

_TOP = Path(__file__).resolve().parents[2]
_ALONE = 5  # tasks that are not worth a process


class HandLost(Exception):
    """A process that carried files has ended before it was done."""


class Hands:
    """Give it tasks, then ask for what became of them. Leaving the context ends all processes.

    A process reads its tasks from a pipe, and is killed with us.
    """

    def __init__(self, opened: Opened, job: tuple[Any, ...], number: int) -> None:
        self._hand = Hand(opened, job[-1])
        self._job, self._number = job, number
        self._tasks: queue.Queue[Task | None] = queue.Queue(4 * number)
        self._waiting: list[Task] = []
        self._given = 0
        self._batches: list[Batch | Exception] = []
        self._threads: list[threading.Thread] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def give(self, directory: bytes, names: list[bytes]) -> None:
        """Have these files of a directory carried."""
        self._waiting.append((directory, names))
        if len(self._waiting) > _ALONE or self._threads:
            self._start()
            for task in self._waiting:
                self._put(task)
            self._given += len(self._waiting)
            self._waiting = []

    def finish(self) -> Iterator[Batch]:
        """What became of the tasks, when all are done."""
        for task in self._waiting:
            yield self._hand.carry(*task)
        for _ in self._threads:
            self._put(None)
        for thread in self._threads:
            thread.join()
        for batch in self._batches:
            if isinstance(batch, Exception):
                raise batch
        if len(self._batches) != self._given:
            raise HandLost(f"{len(self._batches)} tasks were done; needed are {self._given}")
        yield from (batch for batch in self._batches if isinstance(batch, Batch))

    def __enter__(self) -> "Hands":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        for thread in self._threads:
            thread.join()

    def _put(self, task: Task | None) -> None:
        while True:
            if not any(thread.is_alive() for thread in self._threads):
                return  # `finish` says why
            try:
                self._tasks.put(task, timeout=1)
                return
            except queue.Full:
                continue

    def _start(self) -> None:
        for _ in range(self._number - len(self._threads)):
            process = subprocess.Popen(
                [sys.executable, "-m", "tracking.ifs.hand_process"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_TOP, start_new_session=True,
            )  # fmt: skip
            self._processes.append(process)
            thread = threading.Thread(target=self._work, args=(process,), daemon=True, name="file copier")
            self._threads.append(thread)
            thread.start()

    def _work(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None
        try:
            pickle.dump(self._job, process.stdin)
            while True:
                task = self._tasks.get()
                pickle.dump(task, process.stdin)
                process.stdin.flush()
                if task is None:
                    break
                self._batches.append(pickle.load(process.stdout))
        except (OSError, EOFError, pickle.UnpicklingError):
            self._batches.append(HandLost(f"a copier of files ended with code {process.wait()}; needed is 0"))
        except Exception as error:
            self._batches.append(error)
        finally:
            for pipe in (process.stdin, process.stdout):
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
