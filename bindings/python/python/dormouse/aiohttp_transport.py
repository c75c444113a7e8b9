"""A watch over aiohttp (the extra ``dormouse-watch[aiohttp]``)."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterable
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from dormouse._core import Request
from dormouse._tls import SecureContext, tls_fault
from dormouse.codes import TransportFault
from dormouse.errors import TransportError

BODY_MOST = 16 * 1024
"""So much of a heartbeat's answer is read, that its connection may be used again."""


class AiohttpTransport:
    """Watches over aiohttp.

    By default each session has a client of its own, so that no connection outlives a fault and names are looked up anew.
    TLS is verified as the platform does it, or by ``ssl_context``; there is no switch to turn that off. Proxies come from
    the environment.

    With ``client`` every session uses that one, which you close yourself: to share one among many watches, or for settings
    of yours. It is asked to follow no redirects, to decompress nothing and to have no time limits, whatever it was told; a
    cookie jar and proxies are its own. It may use a pooled connection for the next watch.
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

    def _borrow(self, url: str) -> tuple[aiohttp.ClientSession, bool]:
        """The client for this URL, and whether it is to be closed with the session."""
        if self._client is not None:
            return self._client, False
        client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._secure.context(plain=url.startswith("http:"))),
            headers={"user-agent": self._user_agent},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return client, True


class AiohttpSession:
    """One attempt over aiohttp."""

    def __init__(self, transport: AiohttpTransport) -> None:
        self._transport = transport
        self._client: aiohttp.ClientSession | None = None
        self._is_own = False
        self._response: aiohttp.ClientResponse | None = None

    async def open(self, request: Request) -> AiohttpResponse:
        """Sends the watch's request and waits for the head of its answer."""
        self._response = await self._send(request)
        return AiohttpResponse(self._response)

    async def post(self, request: Request) -> int:
        """Sends a heartbeat and returns the status of its answer."""
        response = await self._send(request)
        try:
            length = 0
            async for chunk in response.content.iter_any():
                length += len(chunk)
                if length > BODY_MOST:
                    break
        except (aiohttp.ClientError, OSError):
            pass  # The status is there, and nothing else matters.
        finally:
            # To the pool if it was read to its end, and closed otherwise.
            response.close() if not response.content.at_eof() else response.release()
        return response.status

    async def aclose(self) -> None:
        """Closes the stream, and the client where it is our own."""
        if self._response is not None:
            self._response.close()
        if self._client is not None and self._is_own:
            await self._client.close()

    async def _send(self, request: Request) -> aiohttp.ClientResponse:
        try:
            if self._client is None:
                self._client, self._is_own = self._transport._borrow(request.url)
            # As it stands: what is encoded is not to be encoded anew.
            url = URL(request.url, encoded=True)
            proxy, proxy_headers = _proxy(url) if self._is_own else (None, None)
            return await self._client.request(
                request.method,
                url,
                headers=request.expose_headers(),
                data=request.body.encode() or None,
                allow_redirects=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None),
                proxy=proxy,
                proxy_headers=proxy_headers,
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _failed(error) from None


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
        except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError) as error:
            # It would raise before it hands out what came before the fault, which may be a wake; after that, again.
            if before := content._read_nowait(-1):
                return before
            raise _failed(error) from None


def _proxy(url: URL) -> tuple[URL | None, dict[str, str] | None]:
    """The environment's proxy for this URL, and what it wants to be told.

    aiohttp would look for itself if it were told to trust the environment; but it would trust a ``.netrc`` as well, and
    send what stands there in place of the token.
    """
    host = url.host
    proxy = getproxies().get(url.scheme)
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
