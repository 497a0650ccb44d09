"""Many jobs on many processes, which end with this one, however that ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from HeadCTIQALib import isolation
from HeadCTIQALib.errors import HeadCTIQAError

K = TypeVar("K")
R = TypeVar("R")
_DEATHS = 2  # of worker processes that are made good
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def in_processes(jobs: Mapping[K, tuple[Any, ...]], processes: int, work: Callable[..., R]) -> Iterator[tuple[K, R]]:
    """Name and result of every job as they come; a process that dies (most likely of memory) is replaced, twice.

    The processes end at once when this one is interrupted, killed, or takes no more results.

    Args:
        jobs: name to arguments of ``work``, which a fresh process can import.

    Raises:
        HeadCTIQAError: processes keep dying.
    """
    left, deaths = dict(jobs), 0
    while left:
        ended, life = multiprocessing.Pipe(duplex=False)
        with contextlib.closing(life), isolation.Children(), threads_each(1):
            pool = ProcessPoolExecutor(
                min(processes, len(left)), multiprocessing.get_context("spawn"), live_with, (ended,)
            )
            try:
                running = {pool.submit(work, *job): name for name, job in left.items()}
                for future in as_completed(running):
                    found = future.result()
                    del left[running[future]]
                    yield running[future], found
            except BrokenProcessPool as error:
                deaths += 1
                if deaths > _DEATHS:
                    raise HeadCTIQAError(
                        "Worker processes keep dying, most likely of too little memory; run again with fewer --processes."
                    ) from error
            finally:
                if left:  # interrupted, or one has died
                    life.close()
                pool.shutdown(cancel_futures=True)
                ended.close()


@contextlib.contextmanager
def threads_each(count: int) -> Iterator[None]:
    """Processes that are started in the block have so many threads for numbers: more than cores would get in each other's way."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(zip(_THREADS, (str(count), "1"), strict=True))  # our matrices are small
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def live_with(ended: Connection) -> None:
    """In a worker: end as soon as the other end of the pipe is gone, also amid a computation; leave Ctrl+C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        with contextlib.suppress(EOFError, OSError):
            ended.recv_bytes()
        os._exit(1)

    threading.Thread(target=watch, name="watch", daemon=True).start()
