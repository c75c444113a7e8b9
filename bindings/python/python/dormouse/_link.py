"""One attempt's connections, from the connect to their end: two tasks at the most.

The stream is read by a task of its own, that hands over one piece and waits until it was taken. Whoever waits for a wake
waits for a bell, and can be cancelled or timed out without anything happening to the stream; a time limit around the
reading itself would kill it.

The task that reads owns what is open: whoever cancels it, a disconnect or the end of an event loop, closes everything.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Collection

from dormouse._core import Request
from dormouse.codes import TransportFault
from dormouse.errors import TransportError
from dormouse.transport import Session, Transport

_log = logging.getLogger("dormouse")

CLOSING_MOST = 1.0
"""So long, in seconds, is waited for the end of a connection that is closed, should that not come at once."""


class Opened:
    """A response's head."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        self.headers = headers


class Ended:
    """The proper end of the stream."""


Arrival = Opened | bytes | Ended | TransportError


class Link:
    """The connections of one attempt. What arrives rings the bell, and waits."""

    def __init__(
        self,
        attempt: int,
        request: Request,
        transport: Transport,
        bell: asyncio.Event,
        before: Collection[asyncio.Task[None]],
    ) -> None:
        self.attempt = attempt
        self._bell = bell
        self._arrived: Arrival | None = None
        self._taken = asyncio.Event()
        self._answered: tuple[int, int | TransportError] | None = None
        self._session: Session | None = None
        self._post: asyncio.Task[None] | None = None
        self.task = asyncio.create_task(self._carry(request, transport, before), name=f"dormouse attempt {attempt}")

    @property
    def has_arrived(self) -> bool:
        """Whether a piece of the stream waits."""
        return self._arrived is not None

    def take_arrival(self) -> Arrival | None:
        """A piece of the stream, if one waits; the next one is read then."""
        arrived, self._arrived = self._arrived, None
        if arrived is not None:
            self._taken.set()
        return arrived

    @property
    def is_answered(self) -> bool:
        """Whether a heartbeat's answer waits."""
        return self._answered is not None

    def take_answer(self) -> tuple[int, int | TransportError] | None:
        """A heartbeat's number and its answer, if one waits: a status or a failure."""
        answered, self._answered = self._answered, None
        return answered

    def send_heartbeat(self, beat: int, request: Request) -> None:
        """Sends one, beside the stream."""
        self.abandon_heartbeat()
        self._post = asyncio.create_task(self._send(beat, request), name=f"dormouse heartbeat {beat}")

    def abandon_heartbeat(self) -> None:
        """Gives up the one that is on its way."""
        self._answered = None
        if self._post is not None:
            self._post.cancel()

    def close(self) -> asyncio.Task[None]:
        """Begins to close everything. The task ends when it is closed."""
        self._arrived = self._answered = None
        self.task.cancel()
        return self.task

    async def _carry(self, request: Request, transport: Transport, before: Collection[asyncio.Task[None]]) -> None:
        if before:
            await asyncio.wait(before, timeout=CLOSING_MOST)
        session: Session | None = None
        try:
            session = self._session = transport.session()
            response = await session.open(request)
            await self._deliver(Opened(response.status, list(response.headers)))
            while chunk := await response.read():
                await self._deliver(chunk)
            await self._deliver(Ended())
        except TransportError as error:
            await self._deliver(error)
        except Exception as error:
            await self._deliver(_unexpected(error))
        finally:
            self._session = None
            await self._end(session)

    async def _deliver(self, arrival: Arrival) -> None:
        self._taken.clear()
        self._arrived = arrival
        self._bell.set()
        await self._taken.wait()

    async def _send(self, beat: int, request: Request) -> None:
        answer: int | TransportError
        try:
            if self._session is None:
                raise TransportError(TransportFault.BROKEN, "the watch has ended")
            answer = await self._session.post(request)
        except TransportError as error:
            answer = error
        except Exception as error:
            answer = _unexpected(error)
        self._answered = (beat, answer)
        self._bell.set()

    async def _end(self, session: Session | None) -> None:
        if self._post is not None and not self._post.done():
            self._post.cancel()
            await asyncio.wait([self._post])
        if session is None:
            return
        try:
            await session.aclose()
        except Exception as error:
            _log.debug("attempt %d: closing its connection failed: %s", self.attempt, _told(error))


def _unexpected(error: Exception) -> TransportError:
    """A fault of the transport itself: the watch goes on all the same, and somebody should know."""
    told = _told(error)
    _log.error("the transport failed unexpectedly: %s", told)
    return TransportError(TransportFault.OTHER, told)


def _told(error: Exception) -> str:
    """What it was and where it was raised, and no more.

    The exception itself goes to no log: its frames hold the headers, and a handler that shows local variables shows them.
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
