"""The HTTP clients, where they would do something of their own: send again, wait for a body or a farewell, raise a status,
share a pool; and a script that cannot end."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from served import SOON, STREAM, Client, Connection, Request, chunk, hello, serving, status, wake
from test_driver import (
    TOKEN,
    Reports,
    authority,
    next_wake,
    no_token_in_any_log_line,  # noqa: F401
    run,
    streams,
    until,
)

import dormouse
from dormouse import codes
from dormouse._session import Rests
from dormouse.aiohttp_transport import AiohttpResponse, AiohttpTransport
from dormouse.errors import TransportError
from dormouse.httpx_transport import HttpxTransport


def users(http: Client, most: int | None = None) -> tuple[Any, dormouse.transport.Transport]:
    """A client of the user's with so many connections at the most, and a transport over it."""
    if http == "httpx":
        client = httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_connections=most))
        return client, HttpxTransport(client)
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=most or 0))
    return session, AiohttpTransport(session)


@pytest.mark.parametrize("ends", [Connection.reset, lambda connection: connection.sock.shutdown(socket.SHUT_WR)])
@pytest.mark.parametrize("whose", ["own", "users"])
def test_a_watch_is_asked_for_once(http: Client, whose: str, ends: Callable[[Connection], None]) -> None:
    reports = Reports()
    with serving(lambda connection, _: ends(connection)) as server:

        async def main() -> None:
            client, transport = users(http)
            async with client:
                given = transport if whose == "users" else http
                async with dormouse.watch(server.url, token=TOKEN, http=given, observe=reports.append) as watch:
                    await until(watch, lambda: len(reports.ended()) == 2)
                    assert len(server.watches()) <= watch.stats.connects
                if isinstance(client, aiohttp.ClientSession):
                    # What is the user's own stays as it was.
                    assert client._retry_connection
                    assert not client.closed

        run(main)
    assert reports.ended()[0].cause.name == "transport.broken"


@pytest.mark.parametrize("whose", ["own", "users"])
def test_a_heartbeat_is_answered_by_the_head(http: Client, whose: str) -> None:
    def script(connection: Connection, request: Request) -> None:
        if request.method == "POST":
            # The body never comes.
            connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
        else:
            connection.send(STREAM + chunk(hello(interval_ms=1_000)))
        connection.is_closed()

    with serving(script) as server:

        async def main() -> None:
            client, transport = users(http)
            async with client:
                given = transport if whose == "users" else http
                async with dormouse.watch(server.url, token=TOKEN, http=given) as watch:
                    await until(watch, lambda: watch.stats.heartbeats_accepted == 2)
                    assert watch.stats.connects == 1
                # The user's client is still open, and what was ours in it is not.
                assert await asyncio.get_running_loop().run_in_executor(None, server.is_quiet)

        run(main)


def test_a_rest_that_is_given_up_at_once_is_closed_all_the_same() -> None:
    closed: list[str] = []

    async def rest(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            closed.append(name)

    async def main() -> None:
        rests = Rests()
        rests.read(rest("first"))
        rests.read(rest("second"))
        await rests.aclose()
        assert sorted(closed) == ["first", "second"]

    run(main)


@pytest.mark.parametrize("wanted", ["head", "stream", "heartbeat"])
def test_over_tls_nobody_waits_for_a_farewell(http: Client, tmp_path: Path, wanted: str) -> None:
    context, file = authority(tmp_path)
    trusting = ssl.create_default_context(cafile=str(file))
    transport: Any = {"httpx": HttpxTransport, "aiohttp": AiohttpTransport}[http](ssl_context=trusting)
    gone = {"GET": threading.Event(), "POST": threading.Event()}
    asked = threading.Event()

    def script(connection: Connection, request: Request) -> None:
        if request.method == "POST":
            connection.send(status(204))
        elif wanted != "head":
            connection.send(STREAM + chunk(hello(interval_ms=1_000)))
        asked.set()
        # It answers no farewell: it looks at the connection below TLS, and only for its end.
        with socket.socket(fileno=os.dup(connection.sock.fileno())) as below:
            try:
                while below.recv(65536):
                    pass
            except OSError:
                pass
        gone[request.method].set()

    with serving(script, tls=context) as server:

        async def main() -> None:
            async with dormouse.watch(server.url, token=TOKEN, http=transport) as watch:
                reached = {
                    "head": asked.is_set,
                    "stream": lambda: watch.stats.hellos == 1,
                    "heartbeat": lambda: watch.stats.heartbeats_accepted == 1,
                }
                await until(watch, reached[wanted])
            wait = gone["POST" if wanted == "heartbeat" else "GET"].wait
            assert await asyncio.get_running_loop().run_in_executor(None, wait, SOON / 2)

        run(main)


def test_a_client_that_raises_statuses_hides_none() -> None:
    with serving(lambda connection, _: connection.send(status(401))) as server:

        async def main() -> None:
            async with (
                aiohttp.ClientSession(raise_for_status=True) as client,
                dormouse.watch(server.url, token=TOKEN, http=AiohttpTransport(client)) as watch,
            ):
                events = [event async for event in watch]
            last = events[-1]
            assert isinstance(last, dormouse.StatusChanged)
            assert last.reason is codes.StopReason.UNAUTHORIZED

        run(main)


def test_a_client_that_was_closed_is_a_fault_and_in_no_traceback(http: Client, caplog: pytest.LogCaptureFixture) -> None:
    reports = Reports()

    async def main() -> None:
        client, transport = users(http)
        async with client:
            pass
        async with dormouse.watch("http://127.0.0.1:1", token=TOKEN, http=transport, observe=reports.append) as watch:
            await until(watch, lambda: bool(reports.ended()))

    run(main)
    assert reports.ended()[0].cause.name == "transport.other"
    assert "RuntimeError" in caplog.text
    for record in caplog.records:
        arguments = record.args if isinstance(record.args, tuple) else ()
        assert not record.exc_info
        assert not any(isinstance(argument, BaseException) for argument in arguments)


def test_a_client_too_small_for_its_watches_is_told_of(http: Client, caplog: pytest.LogCaptureFixture) -> None:
    with serving(streams(hello())) as server:

        async def main() -> None:
            client, transport = users(http, most=2)
            async with client:
                async with dormouse.watch(server.url, token=TOKEN, http=transport) as one:
                    await until(one, lambda: one.stats.hellos == 1)
                    assert "none is left" not in caplog.text
                    async with dormouse.watch(server.url, token=TOKEN, http=transport) as two:
                        await until(two, lambda: two.stats.hellos == 1)
                        assert "2 watches share an HTTP client with 2 connections" in caplog.text
                caplog.clear()
                # Both have ended.
                async with dormouse.watch(server.url, token=TOKEN, http=transport) as three:
                    await until(three, lambda: three.stats.hellos == 1)
                assert "none is left" not in caplog.text

        run(main)


def test_a_proxy_for_everything_is_used(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(streams(hello(), wake())) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)

        async def main() -> None:
            async with dormouse.watch("http://service.invalid", token=TOKEN, http=http) as watch:
                await next_wake(watch)

        run(main)
    assert proxy.requests[0].target == "http://service.invalid/v1/watch?protocolVersion=2.2.0"


def test_a_connection_that_aiohttp_closed_itself_was_no_http() -> None:
    class Content:
        before = b"wake"

        async def readany(self) -> bytes:
            raise RuntimeError("Connection closed.")

        def _read_nowait(self, _: int) -> bytes:
            before, self.before = self.before, b""
            return before

    class Whole:
        content = Content()

    whole: Any = Whole()

    async def main() -> None:
        response = AiohttpResponse(whole)
        assert await response.read() == b"wake"
        with pytest.raises(TransportError) as caught:
            await response.read()
        assert caught.value.fault is codes.TransportFault.HTTP

    run(main)


def test_a_client_by_an_unknown_name_is_refused_at_once() -> None:
    unknown: Any = "requests"
    for make in (dormouse.watch, dormouse.watch_blocking):
        with pytest.raises(dormouse.LocalError, match="requests"):
            make("http://127.0.0.1:1", token=TOKEN, http=unknown)
        unfit: Any = object()
        with pytest.raises(TypeError, match="object"):
            make("http://127.0.0.1:1", token=TOKEN, http=unfit)


def test_a_number_of_any_size_is_a_local_error() -> None:
    watch = dormouse.Watch(dormouse.Config("http://a.example"), TOKEN, seed=1, now=0)
    for code in (2**70, -(2**70), 99):
        many: Any = code
        with pytest.raises(dormouse.LocalError):
            watch.handle_sleep_again(many, now=0)


# Without asyncio.


def test_the_blocking_form_closes_while_a_name_is_being_looked_up(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer = threading.Event(), threading.Event()

    def never(*_: object, **__: object) -> list[Any]:
        asked.set()
        answer.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    watch = dormouse.watch_blocking("http://service.invalid", token=TOKEN, http=http)
    try:
        watch.next_event()
        with pytest.raises(TimeoutError):
            watch.next_event(timeout=0)
        assert asked.wait(SOON)
        closing = threading.Thread(target=watch.close)
        closing.start()
        closing.join(SOON)
        assert not closing.is_alive()
    finally:
        answer.set()


def test_a_time_limit_may_be_as_long_as_it_likes(http: Client) -> None:
    with (
        serving(streams(hello(), wake())) as server,
        dormouse.watch_blocking(server.url, token=TOKEN, http=http) as watch,
    ):
        assert any(isinstance(watch.next_event(timeout=1e12), dormouse.Wake) for _ in range(3))


def test_an_observer_that_ends_the_program_ends_it(http: Client) -> None:
    with serving(streams(hello())) as server:
        watch = dormouse.watch_blocking(server.url, token=TOKEN, http=http, observe=lambda _: sys.exit(3))
        with pytest.raises(SystemExit) as caught:
            for _ in watch:
                pass
        assert caught.value.code == 3
        watch.close()
        watch.close()
        assert server.is_quiet()
