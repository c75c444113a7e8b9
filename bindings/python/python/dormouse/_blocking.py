"""A watch for scripts: the same, waited for without asyncio.

The event loop runs in a thread of its own, and the caller waits for it. So Ctrl-C interrupts the waiting and nothing else:
what comes meanwhile is still there when asked for again. And it can be used where an event loop runs already, as in a
notebook.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import weakref
from types import TracebackType

from dormouse._core import Secret, Stats
from dormouse._link import CLOSING_MOST
from dormouse._watching import AsyncWatch, Event
from dormouse.codes import Status
from dormouse.errors import LocalError


class BlockingWatch:
    """A device asleep: an iterator of events. ``dormouse.watch_blocking`` makes one.

    Asking for the next event after a wake goes back to sleep. Ask all the time, but for the work on a wake: heartbeats are
    sent while somebody waits. Leaving ``with`` closes everything.

    One thread waits for events. The properties and ``network_changed``, ``resumed``, ``offline``, ``new_token``, ``stop``
    and ``close`` can be used from any.
    """

    def __init__(self, watch: AsyncWatch) -> None:
        self._watch = watch
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=_run, args=(self._loop,), name="dormouse", daemon=True)
        self._pending: concurrent.futures.Future[Event | None] | None = None
        self._waiter: int | None = None
        self._thread.start()
        # Also where nobody closes it: when it is forgotten, and at the interpreter's end.
        self._finalize = weakref.finalize(self, _finish, self._watch, self._loop, self._thread)

    @property
    def status(self) -> Status:
        """What a person sees."""
        return self._watch.status

    @property
    def stats(self) -> Stats:
        """Counts since the beginning."""
        return self._watch.stats

    def network_changed(self) -> None:
        """The device's network changed: another interface, address or route."""
        self._watch.network_changed()

    def resumed(self) -> None:
        """The device was suspended and runs again. Where the system tells, the watch finds out by itself."""
        self._watch.resumed()

    def offline(self, offline: bool = True, /) -> None:
        """There is no network (``True``), or there is one again (``False``)."""
        self._watch.offline(offline)

    def new_token(self, token: str | Secret, /) -> None:
        """A new device token, for every request from now on. Raises ``TokenError`` if it cannot be one."""
        try:
            secret = token if isinstance(token, Secret) else Secret(token)
        finally:
            del token  # So that no traceback which shows local variables shows it.
        self._watch.new_token(secret)

    def stop(self) -> None:
        """Stops the watch, for good: what is open is closed, and the iteration ends."""
        self._watch.stop()

    def hand_over_failed(self) -> None:
        """Says, before the next event is asked for, that the last wake could not be acted upon."""
        self._watch.hand_over_failed()

    def next_event(self, timeout: float | None = None) -> Event | None:
        """The next event, or ``None`` once the watch has stopped.

        ``timeout`` is in seconds; without it the wait has no end. Raises ``TimeoutError`` when it is over: nothing is
        lost, and the next call goes on waiting. Raises ``LocalError`` if another thread waits.
        """
        if self._waiter not in (None, threading.get_ident()):
            raise LocalError("another thread waits for this watch's next event")
        if not self._finalize.alive:
            return None
        self._waiter = threading.get_ident()
        try:
            if self._pending is None:
                self._pending = asyncio.run_coroutine_threadsafe(_next(self._watch), self._loop)
            # Not `result(timeout)`: what comes while that gives up would be lost.
            done, _ = concurrent.futures.wait([self._pending], timeout)
            if not done:
                raise TimeoutError("no event came in time")
            pending, self._pending = self._pending, None
            return None if pending.cancelled() else pending.result()
        finally:
            self._waiter = None

    def close(self) -> None:
        """Stops the watch, closes everything that is open, and waits for that. Safe to call twice."""
        self._finalize()

    def __iter__(self) -> BlockingWatch:
        return self

    def __next__(self) -> Event:
        event = self.next_event()
        if event is None:
            raise StopIteration
        return event

    def __enter__(self) -> BlockingWatch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<BlockingWatch {self.status.value}>"


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _next(watch: AsyncWatch) -> Event | None:
    return await anext(watch, None)


def _finish(watch: AsyncWatch, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    asyncio.run_coroutine_threadsafe(_shut(watch), loop)
    # The last that knew it may have been the thread itself, which cannot wait for its own end.
    if threading.current_thread() is not thread:
        thread.join()


async def _shut(watch: AsyncWatch) -> None:
    """Closes the watch, then whatever still runs in its loop, and ends that."""
    loop = asyncio.get_running_loop()
    try:
        await watch.aclose()
        # Whoever waits for an event has its end now.
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:
            _, stuck = await asyncio.wait(rest, timeout=CLOSING_MOST)
            for task in stuck:
                task.cancel()
        await loop.shutdown_asyncgens()
        await loop.shutdown_default_executor()
    finally:
        loop.stop()
