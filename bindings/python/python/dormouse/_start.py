"""From a URL and a token to a watch that runs."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, TypeAlias

from dormouse._blocking import BlockingWatch
from dormouse._core import Config, Secret, __version__
from dormouse._watching import AsyncWatch, Observer
from dormouse.errors import LocalError
from dormouse.transport import Transport

Http: TypeAlias = Literal["httpx", "aiohttp"] | Transport


def watch(
    base: str | Config,
    *,
    token: str | Secret,
    http: Http | None = None,
    observe: Observer | None = None,
) -> AsyncWatch:
    """A watch on the service at ``base``, for asyncio. It connects when its first event is asked for.

    * ``base``: an absolute http or https URL without query and user info, or a ``Config`` for everything else that can be
      set.
    * ``token``: the device's token, 1 byte to 8 KiB of visible ASCII. One that is read from a file wants stripping.
    * ``http``: the HTTP client, ``"httpx"`` or ``"aiohttp"``; by default the first of them that is installed. Or a
      transport: ``HttpxTransport`` and ``AiohttpTransport`` take a client of yours, ``dormouse.transport`` says what one of
      your own has to do.
    * ``observe`` is shown every ``Report``: what was attempted, why it ended, how long the next wait is. It is called in
      the task that waits for events and should return soon; what it raises comes out there.

    Raises ``ConfigError`` or ``TokenError`` for what cannot be used, ``LocalError`` for a client by an unknown name, and
    ``ImportError`` where no HTTP client is installed.
    """
    try:
        secret = token if isinstance(token, Secret) else Secret(token)
    finally:
        del token  # So that no traceback which shows local variables shows it.
    config = base if isinstance(base, Config) else Config(base)
    return AsyncWatch(config, secret, _transport(http), observe=observe)


def watch_blocking(
    base: str | Config,
    *,
    token: str | Secret,
    http: Http | None = None,
    observe: Observer | None = None,
) -> BlockingWatch:
    """The same as ``watch``, for scripts that do without asyncio. ``observe`` is called in a thread of the watch's own."""
    try:
        secret = token if isinstance(token, Secret) else Secret(token)
    finally:
        del token  # So that no traceback which shows local variables shows it.
    config = base if isinstance(base, Config) else Config(base)
    return BlockingWatch(AsyncWatch(config, secret, _transport(http), observe=observe))


def _transport(http: Http | None) -> Transport:
    """The one that is meant. Its client is imported here, so that neither has to be installed."""
    agent = f"dormouse/{__version__}"
    match http:
        case None:
            for name in ("httpx", "aiohttp"):
                if find_spec(name) is not None and find_spec("truststore") is not None:
                    return _transport(name)
            raise ImportError(
                "no HTTP client is installed: pip install 'dormouse-watch[httpx]' or 'dormouse-watch[aiohttp]'"
            )
        case "httpx":
            from dormouse.httpx_transport import HttpxTransport

            return HttpxTransport(user_agent=agent)
        case "aiohttp":
            from dormouse.aiohttp_transport import AiohttpTransport

            return AiohttpTransport(user_agent=agent)
        case str():
            raise LocalError(f"there is no HTTP client {http!r} here: 'httpx', 'aiohttp', or a transport")
        case _:
            if not callable(getattr(http, "session", None)):
                raise TypeError(
                    f"a transport is wanted, and not {type(http).__name__}: HttpxTransport and AiohttpTransport are"
                )
            return http
