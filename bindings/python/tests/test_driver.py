"""The loop over real connections, with each HTTP client: what the server did reaches the machine as what it was, nothing
stays open, and nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import socket
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from served import (
    LAST_CHUNK,
    SOON,
    STREAM,
    Client,
    Connection,
    Request,
    chunk,
    hello,
    serving,
    status,
    wake,
)

import dormouse
from dormouse import codes
from dormouse.aiohttp_transport import AiohttpTransport
from dormouse.httpx_transport import HttpxTransport

TOKEN = "canary-device"


@pytest.fixture(autouse=True)
def no_token_in_any_log_line(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert "canary" not in caplog.text


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Runs it, and sees to it that nothing is left behind."""

    async def guarded() -> None:
        faults: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        await asyncio.wait_for(main(), SOON)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        gc.collect()
        await asyncio.sleep(0)
        assert not faults, faults

    asyncio.run(guarded())
    gc.collect()


class Reports(list[dormouse.Report]):
    """What a watch reports, and the first end of an attempt."""

    def ended(self) -> list[dormouse.ReportEnded]:
        return [report for report in self if isinstance(report, dormouse.ReportEnded)]


async def until(watch: dormouse.AsyncWatch, wanted: Callable[[], bool]) -> None:
    """Drives the watch until that is so; its events do not matter."""
    driving = asyncio.ensure_future(anext(watch, None))
    deadline = asyncio.get_running_loop().time() + SOON
    while not wanted():
        assert asyncio.get_running_loop().time() < deadline, "it did not come to that"
        await asyncio.wait([driving], timeout=0.01)
        if driving.done():
            driving.result()
            driving = asyncio.ensure_future(anext(watch, None))
    driving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await driving


async def next_wake(watch: dormouse.AsyncWatch) -> dormouse.Wake:
    async for event in watch:
        if isinstance(event, dormouse.Wake):
            return event
    pytest.fail("the watch stopped")


def first_end(http: Client, script: Callable[[Connection, Request], None], url: str | None = None, **more: Any) -> str:
    """The name of the cause that ends the first attempt."""
    reports = Reports()
    with serving(script, **more) as server:

        async def main() -> None:
            base = url or server.url
            async with dormouse.watch(base, token=TOKEN, http=http, observe=reports.append) as watch:
                await until(watch, lambda: bool(reports.ended()))

        run(main)
        assert server.is_quiet(), "a connection stayed open"
    return reports.ended()[0].cause.name


def streams(*pieces: bytes, end: bytes = b"", then: Callable[[Connection], None] = Connection.is_closed) -> Any:
    """A script that opens a stream, sends these pieces, and waits until the client closes; heartbeats are accepted."""

    def script(connection: Connection, request: Request) -> None:
        if request.method == "POST":
            connection.send(status(204))
            return
        connection.send(STREAM + b"".join(chunk(piece) for piece in pieces) + end)
        then(connection)

    return script


# What a transport must tell apart.


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_a_port_that_nobody_listens_on_is_no_connection(http: Client) -> None:
    assert first_end(http, streams(), f"http://127.0.0.1:{free_port()}") == "transport.connect"


def test_a_name_that_there_is_not_cannot_be_looked_up(http: Client) -> None:
    assert first_end(http, streams(), "http://nobody.invalid") == "transport.resolve"


def test_a_connection_reset_before_the_head_is_broken(http: Client) -> None:
    assert first_end(http, lambda connection, _: connection.reset()) == "transport.broken"


def test_a_connection_closed_before_the_head_is_broken(http: Client) -> None:
    assert first_end(http, lambda connection, _: connection.sock.shutdown(socket.SHUT_WR)) == "transport.broken"


def test_what_is_not_http_is_said_to_be_none(http: Client) -> None:
    assert first_end(http, lambda connection, _: connection.send(b"SSH-2.0-OpenSSH\r\n\r\n")) == "transport.http"


def test_framing_that_is_broken_is_not_http(http: Client) -> None:
    stream: list[Connection] = []

    def script(connection: Connection, request: Request) -> None:
        if request.method == "POST":
            stream[0].send(b"nonsense\r\n")
        else:
            stream.append(connection)
            connection.send(STREAM + chunk(hello(interval_ms=1_000)))
        connection.is_closed()

    # aiohttp closes the connection, and tells nobody who reads from it: there the read deadline finds out.
    expected = {"httpx": "stream.transport.http", "aiohttp": "read_timeout"}
    assert first_end(http, script) == expected[http]


def test_a_wake_that_comes_just_before_a_cut_counts(http: Client) -> None:
    assert first_end(http, streams(hello(), wake(), then=Connection.reset)) in ("wake", "transport.broken")
    closing = streams(hello(), wake(), then=lambda connection: connection.sock.shutdown(socket.SHUT_WR))
    assert first_end(http, closing) == "wake"


@pytest.mark.parametrize("code", [302, 404, 500, 503])
def test_every_status_reaches_the_machine_as_it_is(http: Client, code: int) -> None:
    elsewhere = f"location: http://127.0.0.1:{free_port()}/"
    assert first_end(http, lambda connection, _: connection.send(status(code, elsewhere))) == "status"


def test_409_is_a_conflict_and_somebody_should_know(http: Client, caplog: pytest.LogCaptureFixture) -> None:
    assert first_end(http, lambda connection, _: connection.send(status(409))) == "conflict"
    assert any("409" in record.getMessage() and record.levelno == logging.WARNING for record in caplog.records)


def test_a_page_is_no_event_stream(http: Client) -> None:
    page = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi"
    assert first_end(http, lambda connection, _: connection.send(page)) == "not_event_stream"


def test_a_compressed_stream_is_a_fault_of_its_own(http: Client) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\n"
    assert first_end(http, lambda connection, _: connection.send(head)) == "compressed"


def test_a_proper_end_is_told_from_a_cut(http: Client) -> None:
    assert first_end(http, streams(hello(), end=LAST_CHUNK)) == "ended"
    closing = streams(hello(), then=lambda connection: connection.sock.shutdown(socket.SHUT_WR))
    assert first_end(http, closing) == "stream.transport.broken"
    assert first_end(http, streams(hello(), then=Connection.reset)) == "stream.transport.broken"
    assert first_end(http, streams(end=LAST_CHUNK)) == "ended"


def test_a_body_that_lasts_until_the_end_of_its_connection_ends_properly(http: Client) -> None:
    def script(connection: Connection, _: Request) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + hello())
        connection.sock.shutdown(socket.SHUT_WR)

    assert first_end(http, script) == "ended"


def test_401_stops_the_watch(http: Client) -> None:
    with serving(lambda connection, _: connection.send(status(401))) as server:

        async def main() -> None:
            async with dormouse.watch(server.url, token=TOKEN, http=http) as watch:
                events = [event async for event in watch]
            last = events[-1]
            assert isinstance(last, dormouse.StatusChanged)
            assert (last.status, last.reason) == (codes.Status.STOPPED, codes.StopReason.UNAUTHORIZED)
            assert str(last) == "stopped: the server refuses the token"
            assert [event async for event in watch] == []

        run(main)
        assert server.is_quiet()


# TLS.


def authority(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    ours = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path / "authority.pem"
    ours.cert_pem.write_to_path(file)
    return context, file


def test_an_authority_that_nobody_trusts_is_a_tls_fault(http: Client, tmp_path: Path) -> None:
    context, _ = authority(tmp_path)
    assert first_end(http, streams(hello()), tls=context) == "transport.tls"


def test_a_server_that_speaks_no_tls_is_a_tls_fault(http: Client) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with listener, contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.recv(1)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

    thread = threading.Thread(target=answer)
    thread.start()
    assert first_end(http, streams(), f"https://127.0.0.1:{listener.getsockname()[1]}") == "transport.tls"
    thread.join()


def test_the_platforms_trust_is_what_counts(http: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert first_end(http, streams(hello(), end=LAST_CHUNK), tls=context) == "ended"


def test_a_context_of_the_users_is_used(http: Client, tmp_path: Path) -> None:
    context, file = authority(tmp_path)
    transport: Any = {"httpx": HttpxTransport, "aiohttp": AiohttpTransport}[http]
    trusting = ssl.create_default_context(cafile=str(file))
    transport = transport(ssl_context=trusting)
    with serving(streams(hello(), wake()), tls=context) as server:

        async def main() -> None:
            async with dormouse.watch(server.url, token=TOKEN, http=transport) as watch:
                assert (await next_wake(watch)).token.expose() == "canary-wake"

        run(main)
        assert server.is_quiet()


# What is sent.


def test_a_request_is_sent_as_it_stands_and_a_credential_goes_nowhere_else(http: Client, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password canary-netrc\n")
    netrc.chmod(0o600)

    def script(connection: Connection, request: Request) -> None:
        if request.method == "POST":
            connection.send(status(204, "set-cookie: a=b"))
            return
        # A percent sign and a slash are encoded once, and not again.
        head = STREAM.replace(b"\r\n\r\n", b"\r\nset-cookie: c=d\r\n\r\n", 1)
        connection.send(head + chunk(hello("a%2F/+&", 1_000)))
        connection.is_closed()

    os.environ["NETRC"] = str(netrc)
    reports = Reports()
    try:
        with serving(script) as server:

            async def main() -> None:
                async with dormouse.watch(server.url, token=TOKEN, http=http, observe=reports.append) as watch:
                    await until(watch, lambda: any(isinstance(report, dormouse.ReportHeartbeat) for report in reports))
                    watch.network_changed()
                    await until(watch, lambda: len(server.watches()) == 2)

            run(main)
            first, heartbeat, *_, again = server.requests
    finally:
        del os.environ["NETRC"]
    assert (first.method, first.target) == ("GET", "/v1/watch?protocolVersion=2.2.0")
    assert first.header("authorization") == [f"Bearer {TOKEN}"]
    assert first.header("accept") == ["text/event-stream"]
    assert first.header("accept-encoding") == ["identity"]
    assert first.header("cache-control") == ["no-store"]
    assert first.header("user-agent") == [f"dormouse/{dormouse.__version__}"]
    assert (heartbeat.method, heartbeat.target) == ("POST", "/v1/watch/heartbeat")
    assert heartbeat.body == b'{"watchLeaseId":"a%2F/+&"}'
    assert heartbeat.header("content-type") == ["application/json"]
    assert heartbeat.header("authorization") == [f"Bearer {TOKEN}"]
    assert again.target == "/v1/watch?protocolVersion=2.2.0&previousWatchLeaseId=a%252F%2F%2B%26"
    assert not any(request.header("cookie") for request in server.requests)


def test_a_redirect_is_not_followed(http: Client) -> None:
    with serving(lambda *_: None) as elsewhere:
        location = f"location: {elsewhere.url}/"
        assert first_end(http, lambda connection, _: connection.send(status(307, location))) == "status"
        assert elsewhere.requests == []


def test_the_environments_proxy_is_used(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(streams(hello(), wake())) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("http://", "http://user:canary-proxy@"))

        async def main() -> None:
            async with dormouse.watch("http://service.invalid", token=TOKEN, http=http) as watch:
                await next_wake(watch)

        run(main)
    (request,) = proxy.requests
    assert request.target == "http://service.invalid/v1/watch?protocolVersion=2.2.0"
    assert request.header("authorization") == [f"Bearer {TOKEN}"]
    assert request.header("proxy-authorization")


# Heartbeats.


def test_heartbeats_are_sent_beside_the_stream_over_one_connection(http: Client) -> None:
    connections: list[int] = []

    def script(connection: Connection, request: Request) -> None:
        if request.method == "POST":
            connections.append(connection.number)
            connection.send(status(204))
            return
        connection.send(STREAM + chunk(hello(interval_ms=1_000)))
        connection.is_closed()

    with serving(script) as server:

        async def main() -> None:
            async with dormouse.watch(server.url, token=TOKEN, http=http) as watch:
                await until(watch, lambda: watch.stats.heartbeats_accepted >= 2)

        run(main)
        assert server.is_quiet()
    assert len(set(connections)) == 1


def test_a_heartbeat_that_is_cut_is_a_failure_and_the_stream_stays(http: Client) -> None:
    def script(connection: Connection, request: Request) -> None:
        if request.method == "POST":
            connection.reset()
            return
        connection.send(STREAM + chunk(hello(interval_ms=1_000)))
        connection.is_closed()

    reports = Reports()
    with serving(script) as server:

        async def main() -> None:
            async with dormouse.watch(server.url, token=TOKEN, http=http, observe=reports.append) as watch:
                await until(watch, lambda: any(isinstance(report, dormouse.ReportHeartbeat) for report in reports))
                assert watch.status is codes.Status.CONNECTED

        run(main)
    beat = next(report for report in reports if isinstance(report, dormouse.ReportHeartbeat))
    assert beat.cause is not None
    assert beat.cause.name == "transport.broken"


def test_a_heartbeats_answer_may_be_as_long_as_it_likes(http: Client) -> None:
    def script(connection: Connection, request: Request) -> None:
        if request.method == "POST":
            connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n" + b"x" * 65536)
            connection.is_closed()
            return
        connection.send(STREAM + chunk(hello(interval_ms=1_000)))
        connection.is_closed()

    with serving(script) as server:

        async def main() -> None:
            async with dormouse.watch(server.url, token=TOKEN, http=http) as watch:
                await until(watch, lambda: watch.stats.heartbeats_accepted == 1)

        run(main)
        assert server.is_quiet()


def test_a_wake_counts_before_the_410_that_came_with_it(http: Client) -> None:
    stream: list[Connection] = []
    beats, gate, answered = (threading.Event() for _ in range(3))

    def script(connection: Connection, request: Request) -> None:
        if request.method == "POST":
            beats.set()
            assert gate.wait(SOON)
            # First the answer: what came first on two connections is not to be seen when both are there.
            connection.send(status(410))
            stream[0].send(chunk(wake()))
            answered.set()
            return
        stream.append(connection)
        connection.send(STREAM + chunk(hello(interval_ms=1_000)))
        connection.is_closed()

    with serving(script) as server:

        async def main() -> None:
            async with dormouse.watch(server.url, token=TOKEN, http=http) as watch:
                pending = asyncio.ensure_future(next_wake(watch))
                await asyncio.get_running_loop().run_in_executor(None, beats.wait, SOON)
                gate.set()
                # The loop stands still until both have arrived.
                assert answered.wait(SOON)
                assert (await pending).url == "wss://relay.example/1"

        run(main)


# Cancelled, timed out, stopped, forgotten.


def test_a_wake_that_comes_with_a_cancellation_is_seen_next(http: Client) -> None:
    gate = threading.Event()

    def open_gate(connection: Connection) -> None:
        assert gate.wait(SOON)
        connection.send(chunk(wake()))
        sent.set()
        connection.is_closed()

    sent = threading.Event()
    with serving(streams(hello(), then=open_gate)) as server:

        async def main() -> None:
            async with dormouse.watch(server.url, token=TOKEN, http=http) as watch:
                await until(watch, lambda: watch.status is codes.Status.CONNECTED)
                waiting = asyncio.ensure_future(anext(watch))
                await asyncio.sleep(0)
                gate.set()
                # The loop stands still until the wake is in the socket; then it is told to cancel, and both happen.
                assert sent.wait(SOON)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                assert (await next_wake(watch)).token.expose() == "canary-wake"
                assert len(server.watches()) == 1

        run(main)
        assert server.is_quiet()


def test_a_time_limit_around_the_wait_loses_nothing(http: Client) -> None:
    gate = threading.Event()

    def open_gate(connection: Connection) -> None:
        assert gate.wait(SOON)
        for byte in chunk(wake()):
            connection.send(bytes([byte]))
        connection.is_closed()

    with serving(streams(hello(), then=open_gate)) as server:

        async def main() -> None:
            timeouts = 0
            async with dormouse.watch(server.url, token=TOKEN, http=http) as watch:
                while True:
                    try:
                        event = await asyncio.wait_for(anext(watch), 0.002)
                    except asyncio.TimeoutError:
                        timeouts += 1
                        if timeouts == 20:
                            gate.set()
                        continue
                    if isinstance(event, dormouse.Wake):
                        break
                assert timeouts >= 20
                assert len(server.watches()) == 1

        run(main)
        assert server.is_quiet()


def test_a_cancelled_program_leaves_nothing_open(http: Client) -> None:
    with serving(streams(hello())) as server:

        async def main() -> None:
            connected = asyncio.Event()

            async def program() -> None:
                async with dormouse.watch(server.url, token=TOKEN, http=http) as watch:
                    async for event in watch:
                        if isinstance(event, dormouse.StatusChanged) and event.status is codes.Status.CONNECTED:
                            connected.set()

            task = asyncio.ensure_future(program())
            await connected.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        run(main)
        assert server.is_quiet()


def test_cancelled_while_connecting_it_leaves_nothing_open(http: Client) -> None:
    with serving(lambda connection, _: connection.is_closed()) as server:

        async def main() -> None:
            watch = dormouse.watch(server.url, token=TOKEN, http=http)
            async with watch:
                await until(watch, lambda: bool(server.requests))

        run(main)
        assert server.is_quiet()


def test_cancelled_in_the_middle_of_a_handshake_it_leaves_nothing_open(http: Client) -> None:
    with serving(lambda *_: None) as server:

        async def main() -> None:
            watch = dormouse.watch(server.url.replace("http:", "https:"), token=TOKEN, http=http)
            async with watch:
                await until(watch, lambda: server.hears())
            assert server.is_quiet(), "now, and not when somebody collects garbage"

        run(main)


def test_an_event_loop_that_ends_closes_what_was_forgotten(http: Client) -> None:
    with serving(streams(hello())) as server:
        forgotten: list[dormouse.AsyncWatch] = []

        async def main() -> None:
            watch = dormouse.watch(server.url, token=TOKEN, http=http)
            forgotten.append(watch)
            await until(watch, lambda: watch.status is codes.Status.CONNECTED)

        asyncio.run(main())
        assert server.is_quiet()
        forgotten.clear()
        gc.collect()


def test_a_watch_that_is_forgotten_is_closed_and_told_of(http: Client) -> None:
    with serving(streams(hello())) as server:

        async def main() -> None:
            watch: dormouse.AsyncWatch | None = dormouse.watch(server.url, token=TOKEN, http=http)
            assert watch is not None
            while str(await anext(watch)) != "connected":
                pass
            with pytest.warns(ResourceWarning, match="unclosed"):  # noqa: PT031
                watch = None
                gc.collect()
            assert await asyncio.get_running_loop().run_in_executor(None, server.is_quiet)

        asyncio.run(main())


def test_stop_ends_the_iteration_from_any_thread(http: Client) -> None:
    with serving(streams(hello())) as server:

        async def main() -> None:
            watch = dormouse.watch(server.url, token=TOKEN, http=http)
            events = []
            async for event in watch:
                events.append(event)
                if isinstance(event, dormouse.StatusChanged) and event.status is codes.Status.CONNECTED:
                    threading.Timer(0.05, watch.stop).start()
            last = events[-1]
            assert isinstance(last, dormouse.StatusChanged)
            assert last.reason is codes.StopReason.REQUESTED
            assert str(last) == "stopped: as asked"
            assert server.is_quiet(), "before the iteration ends"
            await watch.aclose()
            await watch.aclose()
            watch.stop()
            watch.network_changed()

        run(main)


def test_closing_beside_somebody_who_waits_ends_the_wait(http: Client) -> None:
    with serving(streams(hello())) as server:

        async def main() -> None:
            watch = dormouse.watch(server.url, token=TOKEN, http=http)
            await until(watch, lambda: watch.status is codes.Status.CONNECTED)
            waiting = asyncio.ensure_future(anext(watch, None))
            await asyncio.sleep(0)
            with pytest.raises(dormouse.LocalError, match="another task"):
                await anext(watch)
            await watch.aclose()
            assert await waiting is None

        run(main)
        assert server.is_quiet()


def test_another_event_loop_is_refused(http: Client) -> None:
    with serving(streams(hello())) as server:
        watches: list[dormouse.AsyncWatch] = []

        async def main() -> None:
            watches.append(dormouse.watch(server.url, token=TOKEN, http=http))
            await until(watches[0], lambda: watches[0].status is codes.Status.CONNECTED)
            await watches[0].aclose()

        async def other() -> None:
            with pytest.raises(dormouse.LocalError, match="another event loop"):
                await anext(watches[0])

        run(main)
        run(other)


# What the application says.


def test_after_a_wake_the_next_event_is_to_sleep_again(http: Client) -> None:
    with serving(streams(hello(), wake())) as server:
        reports = Reports()

        async def main() -> None:
            async with dormouse.watch(server.url, token=TOKEN, http=http, observe=reports.append) as watch:
                await next_wake(watch)
                # Without another turn of the event loop.
                assert server.is_quiet(), "nothing is open while awake"
                await next_wake(watch)
                assert watch.stats.hand_overs_failed == 0
                watch.hand_over_failed()
                await until(watch, lambda: watch.stats.hand_overs_failed == 1)
                assert any(isinstance(report, dormouse.ReportHandOverFailed) for report in reports)

        run(main)
        assert server.is_quiet()


def test_the_old_connection_is_closed_before_the_next_is_made(http: Client) -> None:
    connections: list[Connection] = []
    still_open: list[Connection] = []

    def script(connection: Connection, _: Request) -> None:
        still_open.extend(before for before in connections if not before.has_been_closed())
        connections.append(connection)
        connection.send(STREAM + chunk(hello()))
        connection.is_closed()

    with serving(script) as server:

        async def main() -> None:
            async with dormouse.watch(server.url, token=TOKEN, http=http) as watch:
                for connects in (1, 2, 3):
                    await until(watch, lambda: watch.stats.hellos >= connects)  # noqa: B023
                    if connects < 3:
                        watch.network_changed()

        run(main)
        assert server.is_quiet()
    assert len(connections) == 3
    assert not still_open


def test_offline_and_back(http: Client) -> None:
    with serving(streams(hello())) as server:

        async def main() -> None:
            async with dormouse.watch(server.url, token=TOKEN, http=http) as watch:
                watch.offline()
                pending = asyncio.ensure_future(anext(watch))
                assert isinstance(await pending, dormouse.StatusChanged)
                waiting = asyncio.ensure_future(anext(watch))
                await asyncio.sleep(0.05)
                assert not waiting.done()
                assert server.requests == []
                watch.offline(False)
                assert str(await waiting) == "connected"

        run(main)


def test_a_new_token_is_used_from_then_on(http: Client) -> None:
    def script(connection: Connection, request: Request) -> None:
        if request.header("authorization") != ["Bearer canary-new"]:
            connection.send(status(401))
            return
        connection.send(STREAM + chunk(hello()) + chunk(wake()))
        connection.is_closed()

    with serving(script) as server:
        config = dormouse.Config(server.url, park_on_unauthorized=True)

        async def main() -> None:
            async with dormouse.watch(config, token=TOKEN, http=http) as watch:
                await until(watch, lambda: watch.status is codes.Status.UNAUTHORIZED)
                watch.new_token("canary-new")
                await next_wake(watch)

        run(main)


def test_an_observer_that_fails_is_heard_and_the_watch_goes_on(http: Client) -> None:
    def observe(_: dormouse.Report) -> None:
        raise ZeroDivisionError("meant")

    with serving(streams(hello(), wake())) as server:

        async def main() -> None:
            async with dormouse.watch(server.url, token=TOKEN, http=http, observe=observe) as watch:
                heard = 0
                while True:
                    try:
                        if isinstance(await anext(watch), dormouse.Wake):
                            break
                    except ZeroDivisionError:
                        heard += 1
                assert heard == 2
                watch.hand_over_failed()
                with pytest.raises(ZeroDivisionError):
                    await anext(watch)

        run(main)
        assert server.is_quiet()


# Clients of the user's.


def test_a_client_of_the_users_is_used_and_left_open(http: Client) -> None:
    with serving(streams(hello(), wake())) as server:

        async def main() -> None:
            client: Any
            transport: dormouse.transport.Transport
            if http == "httpx":
                import httpx

                client = httpx.AsyncClient(timeout=None, follow_redirects=True, headers={"x-mine": "1"})
                transport = HttpxTransport(client)
            else:
                import aiohttp

                client = aiohttp.ClientSession(headers={"x-mine": "1"})
                transport = AiohttpTransport(client)
            async with client:
                async with dormouse.watch(server.url, token=TOKEN, http=transport) as watch:
                    await next_wake(watch)
                    await next_wake(watch)
                assert not getattr(client, "is_closed", getattr(client, "closed", None))

        run(main)
        assert all(request.header("x-mine") == ["1"] for request in server.requests)
        assert server.is_quiet()


# Without asyncio.


def test_the_blocking_form_is_woken_and_closes(http: Client) -> None:
    with serving(streams(hello(), wake())) as server:
        threads = threading.active_count()
        seen: list[dormouse.Event] = []
        with dormouse.watch_blocking(server.url, token=TOKEN, http=http) as watch:
            for event in watch:
                seen.append(event)
                if len([one for one in seen if isinstance(one, dormouse.Wake)]) == 2:
                    break
            assert watch.stats.wakes == 2
        assert watch.next_event() is None
        assert list(watch) == []
        assert "canary" not in repr(seen)
        watch.stop()
        watch.network_changed()
        watch.close()
        assert server.is_quiet()
    assert threading.active_count() <= threads


def test_the_blocking_form_can_be_asked_for_a_while(http: Client) -> None:
    with (
        serving(streams(hello())) as server,
        dormouse.watch_blocking(server.url, token=TOKEN, http=http) as watch,
    ):
        while watch.status is not codes.Status.CONNECTED:
            with contextlib.suppress(TimeoutError):
                watch.next_event(timeout=0.001)
        while True:
            try:
                assert isinstance(watch.next_event(timeout=0.01), dormouse.StatusChanged)
            except TimeoutError:
                break
        threading.Timer(0.05, watch.stop).start()
        last = list(watch)[-1]
        assert isinstance(last, dormouse.StatusChanged)
        assert last.reason is codes.StopReason.REQUESTED


def test_one_thread_waits(http: Client) -> None:
    with (
        serving(streams(hello())) as server,
        dormouse.watch_blocking(server.url, token=TOKEN, http=http) as watch,
    ):
        rest: list[object] = []
        thread = threading.Thread(target=lambda: rest.extend(watch))
        thread.start()
        while watch.status is not codes.Status.CONNECTED:
            pass
        with pytest.raises(dormouse.LocalError, match="another thread"):
            watch.next_event()
        watch.close()
        thread.join(SOON)
        assert not thread.is_alive()
        assert server.is_quiet()


def test_a_blocking_watch_that_is_forgotten_is_closed(http: Client) -> None:
    with serving(streams(hello())) as server:
        watch: dormouse.BlockingWatch | None = dormouse.watch_blocking(server.url, token=TOKEN, http=http)
        assert watch is not None
        for _ in range(2):
            watch.next_event()
        watch = None
        gc.collect()
        assert server.is_quiet()


def test_an_event_loop_may_run_already(http: Client) -> None:
    with serving(streams(hello(), wake())) as server:

        async def main() -> None:
            with dormouse.watch_blocking(server.url, token=TOKEN, http=http) as watch:
                assert any(isinstance(event, dormouse.Wake) for event in (watch.next_event() for _ in range(3)))

        run(main)
        assert server.is_quiet()


def test_what_was_asked_for_before_an_interrupt_does_not_ask_again(http: Client) -> None:
    with (
        serving(streams(hello(), wake())) as server,
        dormouse.watch_blocking(server.url, token=TOKEN, http=http) as watch,
    ):
        while not isinstance(watch.next_event(), dormouse.Wake):
            pass
        # A call that was interrupted has left this behind, and it runs only now.
        runner = watch._runner
        runner._loop.call_soon_threadsafe(runner._fetch)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), runner._loop).result()
        assert runner._fetching is None
        assert len(server.watches()) == 1


def test_an_interrupt_strikes_the_wait_and_loses_nothing(http: Client) -> None:
    """Ctrl-C at every step of the thread that waits: each wake is seen once, and the next is not asked for too early."""
    sent: list[str] = []

    def script(connection: Connection, request: Request) -> None:
        sent.append(f"canary-{len(sent)}")
        connection.send(STREAM + chunk(hello()) + chunk(wake(sent[-1])))
        connection.is_closed()

    class Interrupt(KeyboardInterrupt):
        pass

    def interrupt_after(steps: int) -> Any:
        left = steps

        def trace(frame: Any, event: str, argument: object) -> Any:
            nonlocal left
            # In `take` itself Python looks for no signal; a tracer is called there all the same.
            inside = frame.f_code.co_name == "take" and event != "call"
            if event in ("call", "line") and "_blocking" in frame.f_code.co_filename and not inside:
                left -= 1
                if left == 0:
                    raise Interrupt
            return trace

        return trace

    with (
        serving(script) as server,
        dormouse.watch_blocking(server.url, token=TOKEN, http=http) as watch,
    ):
        seen: list[str] = []
        steps = most = 0
        while len(seen) < 12:
            steps += 1
            most = max(most, steps)
            event = None
            sys.settrace(interrupt_after(steps))
            try:
                event = watch.next_event()
            except Interrupt:
                pass
            finally:
                sys.settrace(None)
            if isinstance(event, dormouse.Wake):
                seen.append(event.token.expose())
                # Until the next is asked for nothing is opened.
                assert server.is_quiet()
                assert len(server.watches()) == len(seen)
                # Far enough to have been interrupted nowhere: from the first step again.
                steps = 0
        assert most > 10
        assert seen == sent[: len(seen)]
