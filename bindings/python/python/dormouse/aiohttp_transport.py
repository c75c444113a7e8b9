"""A watch over aiohttp (the extra ``dormouse-watch[aiohttp]``)."""

from __future__ import annotations

import asyncio
import base64
import copy
import ssl
from collections import deque
from collections.abc import Iterable
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from dormouse._core import Request
from dormouse._session import BODY_MOST, Rests, Share
from dormouse._tls import SecureContext, tls_fault
from dormouse.codes import TransportFault
from dormouse.errors import TransportError

CONNECTIONS_MOST = 8
"""So many connections of a session are remembered. Two are in use at a time; a few more may be on their way out."""


class AiohttpTransport:
    """Watches over aiohttp.

    By default each session has a client of its own, so that no connection outlives a fault and names are looked up anew.
    TLS is verified as the platform does it, or by ``ssl_context``; there is no switch to turn that off. Proxies come from
    the environment.

    With ``client`` every session uses that one, which you close yourself: to share one among many watches, or for settings
    of yours. It is asked to follow no redirects, to decompress nothing and to have no time limits, whatever it was told; a
    cookie jar and proxies are its own. It may use a pooled connection for the next watch. Each watch takes two connections:
    for more than a few of them it wants a connector without a limit (``aiohttp.TCPConnector(limit=0)``).
    """

    def __init__(
        self,
        client: aiohttp.ClientSession | None = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        user_agent: str = "dormouse",
    ) -> None:
        self._client = client
        self._secure = SecureContext(ssl_context)
        self._user_agent = user_agent

    def session(self) -> AiohttpSession:
        """A session with a client of its own, or with yours."""
        return AiohttpSession(self)

    def _borrow(self, url: str) -> _Own | _Borrowed:
        """The client for this URL."""
        if self._client is not None:
            return _Borrowed(self._client)
        return _Own(self._secure.context(plain=url.startswith("http:")), self._user_agent)


class _Borrowed:
    """The user's client, for one session."""

    is_own = False

    def __init__(self, client: aiohttp.ClientSession) -> None:
        # The user's own requests stay as they were: what is changed is a copy.
        self.client = copy.copy(client)
        _send_once(self.client)
        connector = client.connector
        limits = (connector.limit, connector.limit_per_host) if connector is not None else ()
        self._share = Share(client, min((limit for limit in limits if limit), default=None))

    async def aclose(self) -> None:
        # The copy lets go of what it shares.
        self.client.detach()
        self._share.end()


class _Own:
    """A client of the session's own."""

    is_own = True

    def __init__(self, context: ssl.SSLContext, user_agent: str) -> None:
        self._connector = _Connector(ssl=context)
        self.client = aiohttp.ClientSession(
            connector=self._connector,
            headers={"user-agent": user_agent},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        _send_once(self.client)

    async def aclose(self) -> None:
        self._connector.abort()
        await self.client.close()


class _Connector(aiohttp.TCPConnector):
    """Remembers what it connected, to end it at once: TLS would wait for half a minute for the peer's farewell."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._made: deque[asyncio.Transport] = deque(maxlen=CONNECTIONS_MOST)

    async def connect(self, *arguments: Any, **more: Any) -> aiohttp.connector.Connection:
        connection = await super().connect(*arguments, **more)
        transport = connection.transport
        if transport is not None and transport not in self._made:
            self._made.append(transport)
        return connection

    def abort(self) -> None:
        """Ends every connection."""
        for transport in self._made:
            transport.abort()
        self._made.clear()


def _send_once(client: aiohttp.ClientSession) -> None:
    """Without this aiohttp sends a GET again by itself when its connection ends, a new connection too."""
    client._retry_connection = False


def _close(response: aiohttp.ClientResponse) -> None:
    """Ends its connection at once, unless it was read to its end and has none any more."""
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
    response.close()


class AiohttpSession:
    """One attempt over aiohttp."""

    def __init__(self, transport: AiohttpTransport) -> None:
        self._transport = transport
        self._borrowed: _Own | _Borrowed | None = None
        self._response: aiohttp.ClientResponse | None = None
        self._rests = Rests()

    async def open(self, request: Request) -> AiohttpResponse:
        """Sends the watch's request and waits for the head of its answer."""
        self._response = await self._send(request)
        return AiohttpResponse(self._response)

    async def post(self, request: Request) -> int:
        """Sends a heartbeat and returns the status of its answer, without waiting for what follows the head."""
        self._rests.give_up()
        response = await self._send(request)
        self._rests.read(_read_rest(response))
        return response.status

    async def aclose(self) -> None:
        """Closes the stream, and the client where it is our own."""
        await self._rests.aclose()
        if self._response is not None:
            _close(self._response)
        if self._borrowed is not None:
            await self._borrowed.aclose()

    async def _send(self, request: Request) -> aiohttp.ClientResponse:
        try:
            if self._borrowed is None:
                self._borrowed = self._transport._borrow(request.url)
            # As it stands: what is encoded is not to be encoded anew.
            url = URL(request.url, encoded=True)
            proxy, proxy_headers = _proxy(url) if self._borrowed.is_own else (None, None)
            return await self._borrowed.client.request(
                request.method,
                url,
                headers=request.expose_headers(),
                data=request.body.encode() or None,
                allow_redirects=False,
                raise_for_status=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None),
                proxy=proxy,
                proxy_headers=proxy_headers,
            )
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            # A client that was closed is a RuntimeError.
            raise _failed(error) from None


async def _read_rest(response: aiohttp.ClientResponse) -> None:
    """Reads what follows a heartbeat's head, up to `BODY_MOST`."""
    try:
        length = 0
        async for chunk in response.content.iter_any():
            length += len(chunk)
            if length > BODY_MOST:
                break
    except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError, RuntimeError):
        pass  # The status is there, and nothing else matters.
    finally:
        # To the pool if it was read to its end, and closed otherwise.
        response.release() if response.content.at_eof() else _close(response)


class AiohttpResponse:
    """The answer to a watch over aiohttp."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._response.status

    @property
    def headers(self) -> Iterable[tuple[bytes, bytes]]:
        """Names and values, as they came."""
        return self._response.raw_headers

    async def read(self) -> bytes:
        """The next bytes; none at the end."""
        content = self._response.content
        try:
            return await content.readany()
        except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError, RuntimeError) as error:
            # A RuntimeError: aiohttp closed the connection itself, over what is no HTTP, before anybody read on.
            # It would raise before it hands out what came before the fault, which may be a wake; after that, again.
            if before := content._read_nowait(-1):
                return before
            if isinstance(error, RuntimeError):
                raise TransportError(TransportFault.HTTP, "aiohttp closed the connection") from None
            raise _failed(error) from None


def _proxy(url: URL) -> tuple[URL | None, dict[str, str] | None]:
    """The environment's proxy for this URL, and what it wants to be told.

    aiohttp would look for itself if it were told to trust the environment; but it would trust a ``.netrc`` as well, and
    send what stands there in place of the token.
    """
    host = url.host
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or not host or proxy_bypass(host):
        return None, None
    address = URL(proxy if "://" in proxy else f"http://{proxy}")
    if not address.user:
        return address, None
    login = base64.b64encode(f"{address.user}:{address.password or ''}".encode()).decode()
    # As if for the proxy itself: aiohttp makes it a `Proxy-Authorization`, of the request or of a CONNECT.
    return address.with_user(None), {"Authorization": f"Basic {login}"}


def _failed(error: Exception) -> TransportError:
    """Which kind of failure: for people; the machine decides the same for all of them."""
    # Not every one has it, in every version.
    inner = getattr(error, "os_error", error)
    # Of what may quote a URL or a header, the kind alone.
    told = isinstance(inner, OSError | aiohttp.ClientPayloadError | aiohttp.ServerConnectionError)
    words = (getattr(inner, "strerror", None) or str(inner)) if told else ""
    kind = type(error).__name__
    return TransportError(_fault(error), f"{kind}: {words}" if words else kind)


def _fault(error: Exception) -> TransportFault:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return TransportFault.RESOLVE
        case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError():
            return TransportFault.TLS
        case aiohttp.ClientConnectorError(os_error=ssl.SSLError()):
            return TransportFault.TLS
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return TransportFault.CONNECT
        case aiohttp.ClientHttpProxyError():
            return TransportFault.CONNECT
        case aiohttp.ClientPayloadError():
            # It says why only in what caused it: a body that is nonsense, or a connection that ended in one.
            nonsense = isinstance(error.__cause__, aiohttp.http.HttpProcessingError)
            early = "not enough data" in str(error.__cause__).lower()
            return TransportFault.HTTP if nonsense and not early else TransportFault.BROKEN
        case aiohttp.ClientResponseError() | aiohttp.http.HttpProcessingError():
            return TransportFault.HTTP
        case ssl.SSLError() if tls_fault(error):
            return TransportFault.TLS
        case aiohttp.ClientConnectionError() | OSError():
            return TransportFault.BROKEN
        case _:
            return TransportFault.OTHER
