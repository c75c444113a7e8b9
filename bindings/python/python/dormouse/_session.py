"""What both HTTP clients need beside the requests: rests of answers that somebody reads, and room in a pool."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Coroutine

BODY_MOST = 16 * 1024
"""So much of a heartbeat's answer is read, that its connection may be used again."""

_log = logging.getLogger("dormouse")


class Rests:
    """The bodies of heartbeats' answers. Nobody waits for one: a status counts when it is there.

    A rest that has not ended by the next heartbeat is given up, and its connection with it.
    """

    def __init__(self) -> None:
        self._reading: set[asyncio.Task[None]] = set()

    def read(self, rest: Coroutine[None, None, None]) -> None:
        """Reads this one. The coroutine closes what it reads from, however it ends."""
        self.give_up()
        task = asyncio.create_task(rest, name="dormouse heartbeat's rest")
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    def give_up(self) -> None:
        """Ends what is still being read."""
        for task in self._reading:
            # After its first turn: a task that is cancelled before that runs nothing at all, and so would close nothing.
            task.get_loop().call_soon(task.cancel)

    async def aclose(self) -> None:
        """Ends what is still being read, and waits for that."""
        self.give_up()
        if self._reading:
            await asyncio.wait(tuple(self._reading))


_sharing: weakref.WeakKeyDictionary[object, int] = weakref.WeakKeyDictionary()
"""How many sessions each client of the user's has just now."""


class Share:
    """A session's part of a client that others use too.

    Each stream holds a connection of the pool for as long as it lasts: where they fill it no heartbeat gets through, and
    every lease ends.
    """

    def __init__(self, client: object, most: int | None) -> None:
        self._client: object | None = client
        sharing = _sharing[client] = _sharing.get(client, 0) + 1
        if most is not None and sharing >= most:
            _log.warning(
                "%d watches share an HTTP client with %d connections at the most: none is left for heartbeats", sharing, most
            )

    def end(self) -> None:
        """It is not used any more."""
        client, self._client = self._client, None
        if client is not None:
            _sharing[client] -= 1
