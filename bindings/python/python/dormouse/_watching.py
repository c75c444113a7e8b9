"""The loop around the machine, for asyncio.

It does what the machine wants done until that sleeps, waits for whichever comes first of a command, the stream, a
heartbeat's answer and the deadline, hands it over, and repeats. No decision is made here. All of it happens in the task
that waits for the next event; two tasks carry the connections (``_link.py``), and everything that is known is kept in the
watch, so that waiting can be cancelled at any moment and taken up again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import TypeAlias

from dormouse._clock import SuspendClock
from dormouse._core import (
    Abandon,
    Cause,
    Config,
    Connect,
    Disconnect,
    Heartbeat,
    Report,
    ReportConnected,
    ReportEnded,
    ReportHeartbeat,
    Secret,
    Sleep,
    Stats,
    StatusChanged,
    Stopped,
    Wake,
    Watch,
)
from dormouse._link import CLOSING_MOST, Ended, Link, Opened
from dormouse.codes import HandOver, Hint, Status
from dormouse.errors import LocalError, TransportError
from dormouse.transport import Transport

Event: TypeAlias = Wake | StatusChanged
"""What a watch yields."""

Observer: TypeAlias = Callable[[Report], object]
"""Is shown every report."""

TALK_MOST = 64
"""After so many pieces of the stream the others get their turn: a server that never stops talking does not hold up a
heartbeat or a deadline for ever."""

LATE_MS = 1_000
"""A deadline that is found passed by so much tells that nobody ran for a while. What lies in the socket then has not been
read yet, a wake perhaps; so the stream may catch up before the deadline takes effect."""

CATCH_UP = 0.05
"""So long it may, in seconds: the event loop has only to come round to it."""

TURNS = 16
"""So many turns of the event loop bring what both sockets had from there to here, in whatever order the clients do it."""

_log = logging.getLogger("dormouse")


class AsyncWatch:
    """A device asleep: an asynchronous iterator of events. ``dormouse.watch`` makes one.

    Asking for the next event after a wake goes back to sleep. Ask all the time, but for the work on a wake: heartbeats are
    sent by whoever waits. Cancelling that, also by a time limit, loses nothing; leaving ``async with`` closes everything.

    It belongs to the event loop in which the first event was asked for. The properties and ``network_changed``,
    ``resumed``, ``offline``, ``new_token`` and ``stop`` can be used from any thread.
    """

    def __init__(
        self,
        config: Config,
        token: Secret,
        transport: Transport,
        *,
        observe: Observer | None = None,
        clock: SuspendClock | None = None,
    ) -> None:
        self._clock = clock or SuspendClock()
        seed = int.from_bytes(os.urandom(8), "big")
        self._machine = Watch(config, token, seed=seed, now=self._clock.now())
        self._transport = transport
        self._observe = observe
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell = asyncio.Event()
        self._link: Link | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._hand_over: HandOver | None = None
        self._hint: Hint | None = None
        self._caught_up_at: float | None = None
        self._is_waited_for = False
        self._over = False

    @property
    def status(self) -> Status:
        """What a person sees."""
        return self._machine.status

    @property
    def stats(self) -> Stats:
        """Counts since the beginning."""
        return self._machine.stats

    def network_changed(self) -> None:
        """The device's network changed: another interface, address or route.

        Ends a wait, and replaces a running watch; heeded three times in quick succession and once a minute from then on.
        """
        self._hint = Hint.NETWORK_CHANGED
        self._ring()

    def resumed(self) -> None:
        """The device was suspended and runs again.

        Where the system has a clock for it the watch finds out by itself, at the latest when its next timer fires.
        """
        self._hint = Hint.RESUMED
        self._ring()

    def offline(self, offline: bool = True, /) -> None:
        """There is no network (``True``), or there is one again (``False``).

        While offline nothing is attempted and nothing is forgotten.
        """
        self._machine.handle_offline(offline, now=self._clock.now())
        self._ring()

    def new_token(self, token: str | Secret, /) -> None:
        """A new device token, for every request from now on. A parked watch tries it at once.

        Raises ``TokenError`` if it cannot be one.
        """
        try:
            secret = token if isinstance(token, Secret) else Secret(token)
        finally:
            del token  # So that no traceback which shows local variables shows it.
        self._machine.handle_new_token(secret, now=self._clock.now())
        self._ring()

    def stop(self) -> None:
        """Stops the watch, for good: what is open is closed, and the iteration ends."""
        self._machine.handle_stop(now=self._clock.now())
        self._ring()

    def hand_over_failed(self) -> None:
        """Says, before the next event is asked for, that the last wake could not be acted upon.

        The client then comes back ever more slowly while that goes on. Without it a wake counts as handed over well.
        """
        if self._hand_over is not None:
            self._hand_over = HandOver.FAILED

    def __aiter__(self) -> AsyncWatch:
        return self

    async def __anext__(self) -> Event:
        """The next event. It ends once the watch has stopped.

        Raises ``LocalError`` if another task waits for one already, or in another event loop than before.
        """
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise LocalError("this watch belongs to another event loop")
        if self._is_waited_for:
            raise LocalError("another task waits for this watch's next event")
        self._is_waited_for = True
        try:
            event = await self._next(loop)
        finally:
            self._is_waited_for = False
        if event is None:
            raise StopAsyncIteration
        return event

    async def __aenter__(self) -> AsyncWatch:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stops the watch, closes everything that is open, and waits for that. Safe to call twice.

        Raises ``LocalError`` in another event loop than before, unless that one has ended.
        """
        if self._loop is not None and self._loop is not asyncio.get_running_loop() and not self._loop.is_closed():
            raise LocalError("this watch belongs to another event loop")
        try:
            if self._link is not None:
                self._take_arrival(self._link)
            self._machine.handle_stop(now=self._clock.now())
            while not self._over:
                if isinstance(self._drain(), Wake):
                    _log.warning("closed with a wake that nobody took")
        finally:
            self._over = True
            self._ring()
            await self._closed()

    def __del__(self) -> None:
        link = getattr(self, "_link", None)
        if link is None or link.task.done() or self._loop is None or self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(link.task.cancel)
        warnings.warn(f"unclosed {self!r}: use `async with`", ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        # A traceback may show one that was never made.
        machine = getattr(self, "_machine", None)
        return f"<AsyncWatch {machine.status.value if machine else 'unmade'}>"

    async def _next(self, loop: asyncio.AbstractEventLoop) -> Event | None:
        if self._hand_over is not None:
            hand_over, self._hand_over = self._hand_over, None
            self._machine.handle_sleep_again(hand_over, now=self._clock.now())
        talk = 0
        while True:
            # Before anything is looked at: what rings from here on is not missed.
            self._bell.clear()
            drained = self._drain()
            if isinstance(drained, Disconnect):
                # What follows is still with the machine, a wake perhaps: it is taken out when nothing is open.
                await self._closed()
                continue
            if self._over:
                await self._closed()
                return None
            if not isinstance(drained, Sleep):
                return drained
            link = self._link
            if link is not None and talk < TALK_MOST and self._take_arrival(link):
                talk += 1
                continue
            if link is not None and link.is_answered:
                if talk < TALK_MOST and await self._arrives(link):
                    continue
                self._take_answer(link)
                talk = 0
                continue
            if self._time_is_up(drained.until):
                if link is not None and talk < TALK_MOST and await self._catches_up(loop, link, drained.until):
                    continue
                self._hand_in_time()
                talk = 0
                continue
            # What the stream brought put the deadline off; the next one has its own time to catch up.
            self._caught_up_at = None
            if talk >= TALK_MOST:
                talk = 0
                await asyncio.sleep(0)
                continue
            await self._rest(loop, drained.until)

    def _drain(self) -> Event | Sleep | Disconnect | None:
        """Does what the machine wants done, until it sleeps, is over, closes, or has something for the application."""
        while not self._over:
            action = self._machine.poll()
            match action:
                case Sleep():
                    return action
                case Connect(attempt, request):
                    _log.debug("attempt %d: connecting", attempt)
                    before = tuple(self._closing)
                    self._link = Link(attempt, request, self._transport, self._bell, before)
                case Heartbeat(beat, request):
                    _log.debug("heartbeat %d: sent", beat)
                    if self._link is not None:
                        self._link.send_heartbeat(beat, request)
                case Abandon():
                    if self._link is not None:
                        self._link.abandon_heartbeat()
                case Disconnect():
                    self._disconnect()
                    return action
                case StatusChanged():
                    _log.info("%s", action)
                    return action
                case Wake():
                    self._hand_over = HandOver.DONE
                    # What happened before the wake does not hasten the connect after it.
                    self._hint = None
                    return action
                case Stopped():
                    self._over = True
                case Report():
                    self._note(action)
        return None

    def _disconnect(self) -> None:
        link, self._link = self._link, None
        self._caught_up_at = None
        if self._loop is not None and self._loop.is_closed():
            # It took the tasks with it: there is nothing to end, and nobody would say that it has ended.
            self._closing.clear()
        elif link is not None:
            task = link.close()
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _closed(self) -> None:
        self._disconnect()
        if self._closing:
            await asyncio.wait(tuple(self._closing), timeout=CLOSING_MOST)

    def _take_arrival(self, link: Link) -> bool:
        """Hands a piece of the stream in, if one waits."""
        arrived = link.take_arrival()
        if arrived is None:
            return False
        now = self._clock.now()
        match arrived:
            case bytes():
                self._machine.handle_data(link.attempt, arrived, now=now)
            case Opened():
                self._machine.handle_head(link.attempt, arrived.status, arrived.headers, now=now)
            case Ended():
                self._machine.handle_end(link.attempt, now=now)
            case TransportError():
                _log.warning("attempt %d: %s", link.attempt, str(arrived))
                self._machine.handle_failed(link.attempt, arrived.fault, now=now)
        return True

    def _take_answer(self, link: Link) -> None:
        answered = link.take_answer()
        if answered is None:
            return
        beat, answer = answered
        now = self._clock.now()
        if isinstance(answer, TransportError):
            _log.warning("heartbeat %d: %s", beat, str(answer))
            self._machine.handle_heartbeat_failed(beat, answer.fault, now=now)
        else:
            self._machine.handle_heartbeat_answer(beat, answer, now=now)

    async def _arrives(self, link: Link) -> bool:
        """Whether the stream had something too: it counts first, a wake before the 410 that follows it."""
        for _ in range(TURNS):
            if link.has_arrived or self._link is not link:
                return True
            await asyncio.sleep(0)
        return link.has_arrived

    def _time_is_up(self, until: int | None) -> bool:
        """Whether there is a hint, or the deadline has come."""
        if self._clock.resumed():
            self._hint = Hint.RESUMED
        return self._hint is not None or (until is not None and self._clock.now() >= until)

    async def _catches_up(self, loop: asyncio.AbstractEventLoop, link: Link, until: int | None) -> bool:
        """Whether the stream has something that counts first, or may still have."""
        late = until is not None and self._clock.now() - until >= LATE_MS
        if not late and self._hint is None:
            return await self._arrives(link)
        if self._caught_up_at is None:
            self._caught_up_at = loop.time() + CATCH_UP
        left = self._caught_up_at - loop.time()
        if left > 0:
            await self._ring_after(loop, left)
            return True
        return link.has_arrived

    def _hand_in_time(self) -> None:
        self._caught_up_at = None
        hint, self._hint = self._hint, None
        if hint is not None:
            self._machine.handle_hint(hint, now=self._clock.now())
        else:
            self._machine.handle_tick(now=self._clock.now())

    async def _rest(self, loop: asyncio.AbstractEventLoop, until: int | None) -> None:
        """Until then, or until the bell rings."""
        if until is None:
            await self._bell.wait()
        else:
            # Early by a part of a millisecond would be to come back for nothing.
            await self._ring_after(loop, max(0, until - self._clock.now() + 1) / 1000)

    async def _ring_after(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        timer = loop.call_later(seconds, self._bell.set)
        try:
            await self._bell.wait()
        finally:
            timer.cancel()

    def _ring(self) -> None:
        loop = self._loop
        if loop is None:
            return
        # Where the loop is closed so is the watch: harmless.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._bell.set)

    def _note(self, report: Report) -> None:
        match report:
            case ReportEnded(cause=Cause(name="conflict")):
                # Somebody should know: the device is locked out until another watch with its token has ended.
                level = logging.WARNING
            case ReportConnected() | ReportEnded():
                level = logging.INFO
            case ReportHeartbeat(cause=None):
                level = logging.DEBUG
            case _:
                level = logging.WARNING
        _log.log(level, "%s", report)
        if self._observe is not None:
            self._observe(report)
