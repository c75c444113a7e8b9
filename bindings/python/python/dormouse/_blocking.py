"""A watch for scripts: the same, waited for without asyncio.

The event loop runs in a thread of its own, and the caller waits for it. So Ctrl-C interrupts the waiting and nothing else:
what comes meanwhile is still there when asked for again. And it can be used where an event loop runs already, as in a
notebook.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
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
        self._runner = _Runner(watch)
        self._waiter: int | None = None
        # Also where nobody closes it: when it is forgotten, and at the interpreter's end.
        self._finalize = weakref.finalize(self, self._runner.close)

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
        self._waiter = threading.get_ident()
        try:
            self._runner.wait(timeout)
        finally:
            self._waiter = None
        return self._runner.take()

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


class _Runner:
    """The event loop and its thread. It does not know the `BlockingWatch`, so that that can be forgotten.

    An interrupt may strike the thread that waits between any two of its steps. Therefore it owns nothing: the loop's thread
    fetches an event, once, into a place where it stays until it was taken; to ask again changes nothing.
    """

    def __init__(self, watch: AsyncWatch) -> None:
        self._watch = watch
        self._fetching: asyncio.Task[None] | None = None
        self._is_fetched = False
        self._event: Event | None = None
        self._error: BaseException | None = None
        self._is_asked = False
        # Held while there is nothing. Not an `Event`, which is written in Python and can itself be interrupted.
        self._nothing = threading.Lock()
        self._nothing.acquire()
        self._loop = asyncio.new_event_loop()
        # Our own: asyncio waits for the end of its one without a limit, and a name is looked up for as long as it takes.
        self._executor = ThreadPoolExecutor(thread_name_prefix="dormouse")
        self._loop.set_default_executor(self._executor)
        self._thread = threading.Thread(target=self._run, name="dormouse", daemon=True)
        self._thread.start()

    def wait(self, timeout: float | None) -> None:
        """Until there is something to be taken. Raises what the watch raised, and `TimeoutError`."""
        while True:
            self._is_asked = True
            try:
                self._loop.call_soon_threadsafe(self._fetch)
            except RuntimeError:
                return  # The loop is closed, and nothing will come.
            if not self._nothing.acquire(timeout=-1 if timeout is None else min(max(0.0, timeout), threading.TIMEOUT_MAX)):
                raise TimeoutError("no event came in time")
            # First: what still waits to be called shall not ask for another, which would say that this one is done with.
            self._is_asked = False
            if self._is_fetched:
                break
        if self._error is not None:
            error, self._error = self._error, None
            self._is_fetched = False
            raise error

    def take(self) -> Event | None:
        """What was fetched; nothing, where the watch has stopped."""
        # No call and no jump from here on: there is nothing that an interrupt could come between.
        self._is_fetched = False
        event, self._event = self._event, None
        return event

    def close(self) -> None:
        # It may have ended already, by what an observer raised.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._begin_to_shut)
        # The last that knew it may have been the thread itself, which cannot wait for its own end.
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._end_executor()
            self._loop.close()
            self._tell()

    def _end_executor(self) -> None:
        ending = threading.Thread(target=self._executor.shutdown, name="dormouse end", daemon=True)
        # At the interpreter's very end there are no more threads to be had; it waits for the executor itself.
        with contextlib.suppress(RuntimeError):
            ending.start()
            ending.join(CLOSING_MOST)

    def _fetch(self) -> None:
        if self._is_fetched:
            self._tell()
        elif self._is_asked and self._fetching is None:
            self._fetching = self._loop.create_task(self._next(), name="dormouse next event")

    async def _next(self) -> None:
        try:
            self._event = await anext(self._watch, None)
        except asyncio.CancelledError:
            raise  # The loop is shut, and says so itself.
        except BaseException as error:
            # Whatever it is, an observer's `sys.exit()` too: it is for the thread that waits, and not for the loop's.
            self._error = error
        self._is_fetched = True
        self._fetching = None
        self._tell()

    def _tell(self) -> None:
        if self._nothing.locked():
            self._nothing.release()

    def _begin_to_shut(self) -> None:
        self._shutting = self._loop.create_task(self._shut())

    async def _shut(self) -> None:
        """Closes the watch, then whatever still runs in its loop, and ends that."""
        try:
            await self._watch.aclose()
            # Whoever waits for an event has its end now.
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            if rest:
                _, stuck = await asyncio.wait(rest, timeout=CLOSING_MOST)
                for task in stuck:
                    task.cancel()
            await self._loop.shutdown_asyncgens()
        finally:
            self._loop.stop()
