"""A watch over httpx (the extra ``dormouse-watch[httpx]``)."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from dormouse._core import Request
from dormouse._session import BODY_MOST, Rests, Share
from dormouse._tls import SecureContext, tls_fault
from dormouse.codes import TransportFault
from dormouse.errors import TransportError


class HttpxTransport:
    """Watches over httpx.

    By default each session has a client of its own, so that no connection outlives a fault and names are looked up anew.
    TLS is verified as the platform does it, or by ``ssl_context``; there is no switch to turn that off. Proxies come from
    the environment.

    With ``client`` every session uses that one, which you close yourself: to share one among many watches, or for settings
    of yours. It must not have time limits on reading (``timeout=httpx.Timeout(None, connect=10)``), and should speak
    HTTP/1.1 only. It is asked to follow no redirects, whatever it was told. It may use a pooled connection for the next
    watch. Each watch takes two connections: for more than a few of them it wants a pool without a limit
    (``limits=httpx.Limits(max_connections=None)``).
    """

    def __init__(
        self,
        client: httpx.AsyncClient | None = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        user_agent: str = "dormouse",
    ) -> None:
        self._client = client
        self._secure = SecureContext(ssl_context)
        self._user_agent = user_agent

    def session(self) -> HttpxSession:
        """A session with a client of its own, or with yours."""
        return HttpxSession(self)

    def _borrow(self, url: str) -> tuple[httpx.AsyncClient, bool]:
        """The client for this URL, and whether it is to be closed with the session."""
        if self._client is not None:
            return self._client, False
        client = httpx.AsyncClient(
            verify=self._secure.context(plain=url.startswith("http:")),
            headers={"user-agent": self._user_agent},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
            http2=False,
            timeout=None,
        )
        return client, True


class HttpxSession:
    """One attempt over httpx."""

    def __init__(self, transport: HttpxTransport) -> None:
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._is_own = False
        self._share: Share | None = None
        self._response: httpx.Response | None = None
        self._rests = Rests()

    async def open(self, request: Request) -> HttpxResponse:
        """Sends the watch's request and waits for the head of its answer."""
        self._response = await self._send(request)
        return HttpxResponse(self._response)

    async def post(self, request: Request) -> int:
        """Sends a heartbeat and returns the status of its answer, without waiting for what follows the head."""
        self._rests.give_up()
        response = await self._send(request)
        self._rests.read(_read_rest(response))
        return response.status_code

    async def aclose(self) -> None:
        """Closes the stream, and the client where it is our own."""
        try:
            await self._rests.aclose()
            if self._response is not None:
                await self._response.aclose()
        finally:
            if self._share is not None:
                self._share.end()
            if self._client is not None and self._is_own:
                await self._client.aclose()

    async def _send(self, request: Request) -> httpx.Response:
        made = _Made()
        try:
            if self._client is None:
                self._client, self._is_own = self._transport._borrow(request.url)
                if not self._is_own:
                    self._share = Share(self._client, _connections_most(self._client))
            return await self._client.send(
                self._client.build_request(
                    request.method,
                    request.url,
                    headers=request.expose_headers(),
                    content=request.body or None,
                    extensions={"trace": made.trace},
                ),
                stream=True,
                follow_redirects=False,
            )
        except (httpx.HTTPError, httpx.InvalidURL, RuntimeError) as error:
            # A client that was closed is a RuntimeError.
            raise _failed(error) from None
        except asyncio.CancelledError:
            await made.aclose()
            raise


async def _read_rest(response: httpx.Response) -> None:
    """Reads what follows a heartbeat's head, up to `BODY_MOST`."""
    try:
        length = 0
        async for chunk in response.aiter_raw():
            length += len(chunk)
            if length > BODY_MOST:
                break
    except httpx.HTTPError:
        pass  # The status is there, and nothing else matters.
    finally:
        await response.aclose()


def _connections_most(client: httpx.AsyncClient) -> int | None:
    """So many connections its pool may have, where it has one that says so: httpx itself does not tell."""
    pool = getattr(getattr(client, "_transport", None), "_pool", None)
    most = getattr(pool, "_max_connections", None)
    return most if isinstance(most, int) and most < sys.maxsize else None


class _Made:
    """The connections that a request made. httpx forgets one that is in the middle of its handshake when it is cancelled."""

    def __init__(self) -> None:
        self._streams: list[httpcore.AsyncNetworkStream] = []

    async def trace(self, name: str, info: dict[str, Any]) -> None:
        """Is told by httpcore of every step (its request extension `trace`)."""
        if name.endswith("connect_tcp.complete"):
            self._streams.append(info["return_value"])

    async def aclose(self) -> None:
        for stream in self._streams:
            await stream.aclose()


class HttpxResponse:
    """The answer to a watch over httpx."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._chunks: AsyncIterator[bytes] = response.aiter_raw()

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._response.status_code

    @property
    def headers(self) -> Iterable[tuple[bytes, bytes]]:
        """Names and values, as they came."""
        return self._response.headers.raw

    async def read(self) -> bytes:
        """The next bytes; none at the end."""
        try:
            async for chunk in self._chunks:
                if chunk:
                    return chunk
        except httpx.HTTPError as error:
            raise _failed(error) from None
        return b""


def _failed(error: Exception) -> TransportError:
    """Which kind of failure: for people; the machine decides the same for all of them."""
    # Their words hold no header, and a URL only where it is not one.
    words = "" if isinstance(error, httpx.InvalidURL) else str(error)
    return TransportError(_fault(error), f"{type(error).__name__}: {words}" if words else type(error).__name__)


def _fault(error: Exception) -> TransportFault:
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, socket.gaierror):
            return TransportFault.RESOLVE
        if isinstance(at, ssl.SSLError) and tls_fault(at):
            return TransportFault.TLS
        at = at.__cause__ or at.__context__
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout() | httpx.ProxyError():
            return TransportFault.CONNECT
        case httpx.RemoteProtocolError():
            # h11's words: a connection that ended too early is told from one that talks nonsense by them alone.
            words = str(error).lower()
            early = "disconnected without" in words or "closed connection without" in words
            return TransportFault.BROKEN if early else TransportFault.HTTP
        case httpx.NetworkError() | httpx.TimeoutException():
            return TransportFault.BROKEN
        case _:
            return TransportFault.OTHER
