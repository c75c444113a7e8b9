"""Servers for tests: one that misbehaves as a script says, in threads of its own, and the reference server."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias

Client: TypeAlias = Literal["httpx", "aiohttp"]

ROOT = Path(__file__).parents[3]
PROGRAM = Path(os.environ.get("DORMOUSE_PROGRAM", ROOT / "target" / "debug" / "dormouse"))
SOON = 20.0
"""Long enough, in seconds, for a machine that is busy with other things. Never slept through."""

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def status(code: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {code} Whatever", "content-length: 0", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def hello(lease: str = "lease-1", interval_ms: int = 60_000) -> bytes:
    fields = {"watchLeaseId": lease, "deviceWaitForViewerMs": 30_000, "heartbeatIntervalMs": interval_ms}
    return f"event: hello\ndata: {json.dumps(fields)}\n\n".encode()


def wake(token: str = "canary-wake", session: str | None = None) -> bytes:
    fields = {"url": "wss://relay.example/1", "token": token, "remoteAccessSessionId": session}
    return f"event: wake\ndata: {json.dumps(fields)}\n\n".encode()


class Request:
    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ")
        self.headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        self.body = body

    def header(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known == name]


class Connection:
    """What a script does with one connection: read a request, answer byte by byte, wait until the client closes."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.number = 0
        self.has_spoken = False

    def request(self) -> Request | None:
        """The next request; none where the client has closed instead."""
        received = b""
        while b"\r\n\r\n" not in received:
            try:
                more = self.sock.recv(65536)
            except OSError:
                return None
            if not more:
                return None
            received += more
            self.has_spoken = True
        head, _, body = received.partition(b"\r\n\r\n")
        request = Request(head, b"")
        length = int((request.header("content-length") or ["0"])[0])
        while len(body) < length:
            body += self.sock.recv(65536)
        request.body = body
        return request

    def send(self, data: bytes) -> None:
        # A client that has gone is no fault of the script.
        with contextlib.suppress(OSError):
            self.sock.sendall(data)

    def is_closed(self) -> None:
        """Waits until the client has closed."""
        with contextlib.suppress(OSError):
            while self.sock.recv(65536):
                pass

    def has_been_closed(self) -> bool:
        """Whether the client has closed already, without waiting for it."""
        try:
            return self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def reset(self) -> None:
        """Ends the connection as a crash would."""
        tcp = self.sock.unwrap() if isinstance(self.sock, ssl.SSLSocket) else self.sock
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        tcp.close()


Script = Callable[[Connection, Request], None]


class FaultServer:
    """Hands each request to the script, and keeps what came. A script that raises fails its test."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.requests: list[Request] = []
        self.seen: queue.Queue[Request] = queue.Queue()
        self.faults: list[BaseException] = []
        self._open: set[Connection] = set()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def next_request(self) -> Request:
        return self.seen.get(timeout=SOON)

    def watches(self) -> list[Request]:
        return [request for request in self.requests if request.method == "GET"]

    def hears(self) -> bool:
        """Whether something has come on a connection, if only half a request."""
        with self._changed:
            return any(connection.has_spoken for connection in self._open)

    def is_quiet(self) -> bool:
        """Waits until no connection is open."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout=SOON)

    def close(self) -> None:
        # A thread that accepts is woken by a connection, and not by a close.
        self._closing = True
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            pass
        self._accepting.join(SOON)
        self._listener.close()
        with self._changed:
            left = list(self._open)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(SOON)
        assert not self.faults, self.faults

    _closing = False

    def _accept(self) -> None:
        number = 0
        while True:
            sock, _ = self._listener.accept()
            if self._closing:
                sock.close()
                return
            connection = Connection(sock)
            connection.number = number
            number += 1
            with self._changed:
                self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: Connection) -> None:
        try:
            if self._tls is not None:
                try:
                    connection.sock = self._tls.wrap_socket(connection.sock, server_side=True)
                except OSError:
                    return
            while (request := connection.request()) is not None:
                self.requests.append(request)
                self.seen.put(request)
                self._script(connection, request)
        except BaseException as fault:
            self.faults.append(fault)
        finally:
            connection.sock.close()
            with self._changed:
                self._open.discard(connection)
                self._changed.notify_all()


@contextlib.contextmanager
def serving(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[FaultServer]:
    server = FaultServer(script, tls)
    try:
        yield server
    finally:
        server.close()


class Process:
    """A process that speaks lines of JSON on its standard output."""

    def __init__(self, command: list[str | Path], cwd: Path, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**surroundings(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.said: list[str] = []
        self._readers = [
            threading.Thread(target=self._listen, args=(self.process.stdout, self.lines), daemon=True),
            threading.Thread(target=self._listen, args=(self.process.stderr, None), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _listen(self, stream: Any, lines: queue.Queue[str | None] | None) -> None:
        for line in stream:
            self.said.append(line)
            if lines is not None:
                lines.put(line)
        if lines is not None:
            lines.put(None)

    def line(self, wanted: Callable[[str], bool]) -> str:
        """The next line of which `wanted` is true; others are passed over."""
        while True:
            try:
                line = self.lines.get(timeout=SOON)
            except queue.Empty:
                line = None
            assert line is not None, "it ended or fell silent; it said:\n" + "".join(self.said)
            if wanted(line):
                return line

    def event(self, name: str, **fields: object) -> dict[str, Any]:
        """The next event of this name with these fields."""

        def wanted(line: str) -> bool:
            told = json.loads(line)
            return told["event"] == name and all(told.get(key) == value for key, value in fields.items())

        told: dict[str, Any] = json.loads(self.line(wanted))
        return told

    def end(self) -> int:
        code = self.process.wait(timeout=SOON)
        for reader in self._readers:
            reader.join(SOON)
        return code

    def close(self) -> None:
        self.process.kill()
        self.end()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


def surroundings() -> dict[str, str]:
    """The environment without what could change what is tested."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("DORMOUSE_") and not name.upper().endswith("_PROXY")
    }


class ReferenceServer(Process):
    """`dormouse serve`, with a device named laptop and an operator."""

    def __init__(self, folder: Path, *options: str, listen: str = "127.0.0.1:0") -> None:
        assert PROGRAM.exists(), f"there is no {PROGRAM}: run `cargo build` at the root of the repository"
        self.folder = folder
        tokens = folder / "dormouse-tokens"
        super().__init__([PROGRAM, "serve", "--json", "--listen", listen, "--tokens", tokens, *options], folder)
        self.url: str = self.event("serving")["url"]
        self.token = (tokens / "laptop").read_text().strip()

    def wake(self, to: str = "wss://relay.example/1") -> dict[str, Any]:
        """Wakes the device, and waits until it has the wake."""
        operator = self.folder / "dormouse-tokens" / "operator"
        command: list[str | Path] = [PROGRAM, "wake", self.url, "laptop", "--json", "--to", to]
        answer = subprocess.run(
            [*command, "--operator-token-file", operator],
            env=surroundings(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SOON,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        told: dict[str, Any] = json.loads(answer.stdout)
        return told
