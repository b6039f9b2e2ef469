"""Writers: where database work runs. One thread with a bounded queue, or the caller itself."""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from engine.errors import JournalError, JournalUnavailable

R = TypeVar("R")
WAITING_MAX = 1000

log = logging.getLogger("storage.writer")


class Job(Generic[R]):
    """Work for the writer that its caller may withdraw as long as it was not begun."""

    def __init__(self, work: Callable[[], R]) -> None:
        self._work = work
        # Whoever takes the ticket first decides: taking it is one step for all threads.
        self._ticket = [True]

    def withdrawn(self) -> bool:
        """Withdraw it; False when it was begun, and may end in any way."""
        try:
            return self._ticket.pop()
        except IndexError:
            return False

    def __call__(self) -> R:
        """Run it, unless it was withdrawn. Raises: JournalUnavailable."""
        if not self.withdrawn():
            raise JournalUnavailable("Nobody waited for it any more.")
        return self._work()


class Writer(Protocol):
    """Run jobs one after another, in the order in which they came."""

    async def run(self, job: Callable[[], R]) -> R:
        """Run a job and give its result or raise its fault."""
        ...

    def later(self, job: Callable[[], object]) -> None:
        """Run a job after those that wait; its result and its faults concern nobody.

        Raises: JournalUnavailable when the queue is full; the job will not run then.
        """
        ...

    async def stop(self, timeout_s: float) -> bool:
        """Finish what waits; False when that takes longer than the timeout."""
        ...


class InlineWriter:
    """Run every job in the caller, for simulations: no thread, no waiting."""

    async def run(self, job: Callable[[], R]) -> R:
        """Run the job."""
        return job()

    def later(self, job: Callable[[], object]) -> None:
        """Run the job now."""
        _run_unheard(job)

    async def stop(self, timeout_s: float) -> bool:
        """Do nothing: nothing ever waits."""
        return True


class ThreadWriter:
    """Run jobs on one thread. A caller that is cancelled leaves its job running."""

    def __init__(self, name: str, waiting_max: int = WAITING_MAX) -> None:
        self._queue: queue.Queue[Callable[[], object] | None] = queue.Queue(waiting_max)
        self._ended = threading.Event()
        # A daemon, so that a hung disk cannot keep the process from ending.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[], R]) -> R:
        """Queue the job and wait for it.

        Raises: JournalUnavailable when the queue is full; the job did not run then.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._put(lambda: _run_heard(job, loop, future))
        return await future

    def later(self, job: Callable[[], object]) -> None:
        """Queue the job. Raises: JournalUnavailable when the queue is full."""
        self._put(lambda: _run_unheard(job))

    def _put(self, job: Callable[[], object]) -> None:
        try:
            self._queue.put_nowait(job)
        except queue.Full:
            raise JournalUnavailable(
                f"{self._queue.maxsize} writes wait already: the disk does not keep up."
            ) from None

    async def stop(self, timeout_s: float) -> bool:
        """Finish what waits, then end the thread."""
        return await asyncio.to_thread(self._stop, timeout_s)

    def _stop(self, timeout_s: float) -> bool:
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            return False
        return self._ended.wait(timeout_s)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            job()
            # What a job holds must not live until the next one comes.
            del job
        self._ended.set()


def _run_unheard(job: Callable[[], object]) -> None:
    try:
        job()
    except JournalError as fault:
        log.warning("a job that nobody waits for has failed: %s", fault)
    except Exception:  # the thread's boundary: nobody waits, so the log is told
        log.exception("a job that nobody waits for has failed")


def _run_heard(
    job: Callable[[], R], loop: asyncio.AbstractEventLoop, future: "asyncio.Future[R]"
) -> None:
    result: Any = None
    fault: BaseException | None = None
    try:
        result = job()
    except BaseException as error:  # the thread's boundary: the caller gets it
        fault = error
    try:
        loop.call_soon_threadsafe(_settle, future, result, fault)
    except RuntimeError:
        # The caller's loop has been closed: nobody waits for this result any more.
        return
    finally:
        # A fault holds this frame, and this frame must not hold the fault.
        del fault


def _settle(future: "asyncio.Future[Any]", result: object, fault: BaseException | None) -> None:
    if future.done():
        return
    if fault is None:
        future.set_result(result)
    else:
        future.set_exception(fault)
