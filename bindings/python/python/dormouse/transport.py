"""What an HTTP client has to do for a watch: three small protocols, for a client of your own.

An implementation decides nothing about the watch. What it has to keep:

* no redirect is followed, and nothing is tried again: a status is handed on as it is;
* there is no time limit, but perhaps one for a single connection attempt: the watch has its own, and cancels;
* a request is sent with the headers that it has, and a body is handed on as it came, undecoded;
* a body that was cut short ends in a ``TransportError``, never as if that were its end;
* a session's connections are its own: none that was used before a fault, and none that outlives ``aclose``.

What fails raises ``TransportError``. Everything is called from the event loop that waits for the watch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from dormouse._core import Request


class Response(Protocol):
    """The answer to a watch: its head, and its body as it comes."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Iterable[tuple[bytes, bytes]]:
        """Names and values, as they came."""

    async def read(self) -> bytes:
        """The next bytes, cut wherever the network cut them; none at the proper end.

        It is cancelled only when the session is closed next.
        """


class Session(Protocol):
    """An HTTP client for one attempt: its stream, and the heartbeats beside it."""

    async def open(self, request: Request) -> Response:
        """Sends the watch's request, once, and waits for the head of its answer."""

    async def post(self, request: Request) -> int:
        """Sends a heartbeat and returns the status of its answer, without waiting for a body.

        It may be cancelled, and the session goes on.
        """

    async def aclose(self) -> None:
        """Closes everything that is open, now and without a farewell that might take long."""


class Transport(Protocol):
    """Where sessions come from."""

    def session(self) -> Session:
        """A session with connections of its own. Nothing is sent yet."""
