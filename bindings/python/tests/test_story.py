"""The wheel as people use it: woken by the reference server, and interrupted."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from served import SOON, Client, Process, ReferenceServer

import dormouse

README = Path(__file__).parents[1] / "README.md"
PROGRAMS = [block.split("\n```", 1)[0] for block in README.read_text(encoding="utf-8").split("```python\n")[1:]]

ASYNC = """
import asyncio, sys, dormouse
from pathlib import Path

async def main(base, token, http):
    async with dormouse.watch(base, token=token, http=http) as watch:
        async for event in watch:
            print(event if isinstance(event, dormouse.StatusChanged) else f"wanted at {event.url}")

asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_text().strip(), sys.argv[3]))
"""
BLOCKING = """
import sys, dormouse

with open(sys.argv[2]) as file:
    token = file.read().strip()
with dormouse.watch_blocking(sys.argv[1], token=token, http=sys.argv[3]) as watch:
    for event in watch:
        print(event if isinstance(event, dormouse.StatusChanged) else f"wanted at {event.url}")
"""
# Ctrl-C while waiting, and then on: nothing is lost, and nothing is done twice.
STUBBORN = """
import sys, dormouse

with open(sys.argv[2]) as file:
    token = file.read().strip()
with dormouse.watch_blocking(sys.argv[1], token=token, http=sys.argv[3]) as watch:
    interrupted = 0
    while interrupted < 2:
        try:
            for event in watch:
                print(event if isinstance(event, dormouse.StatusChanged) else f"wanted at {event.url}")
        except KeyboardInterrupt:
            interrupted += 1
            print("interrupted")
"""
FORGETFUL = """
import sys, dormouse

with open(sys.argv[2]) as file:
    token = file.read().strip()
watch = dormouse.watch_blocking(sys.argv[1], token=token, http=sys.argv[3])
for event in watch:
    print(event if isinstance(event, dormouse.StatusChanged) else f"wanted at {event.url}")
    if isinstance(event, dormouse.Wake):
        sys.exit(7)
"""


@contextmanager
def program(text: str, server: ReferenceServer, folder: Path, *more: str) -> Iterator[Process]:
    file = folder / "program.py"
    file.write_text(text)
    token = server.folder / "dormouse-tokens" / "laptop"
    # Whatever is left behind is an error: unclosed sockets and loops, tasks that were destroyed while pending.
    command = [sys.executable, "-X", "dev", "-W", "error", "-u", file, server.url, token, *more]
    process = Process([str(part) for part in command], folder)
    try:
        yield process
    finally:
        process.close()


def is_clean(process: Process, server: ReferenceServer) -> None:
    said = "".join(process.said)
    for word in ("Warning", "never retrieved", "was destroyed", "Exception ignored", server.token):
        assert word not in said, said


def interrupts(process: Process, server: ReferenceServer) -> None:
    """Presses Ctrl-C, wherever the program is just now."""
    process.process.send_signal(signal.SIGINT)
    process.end()
    if sys.version_info >= (3, 11):
        # Before, an event loop has no say in it: an interrupt strikes wherever it is.
        is_clean(process, server)


def awaits(process: Process, line: str) -> None:
    process.line(lambda said: said == line + "\n")


@pytest.mark.parametrize("text", [ASYNC, BLOCKING], ids=["async", "blocking"])
def test_woken_and_interrupted(reference: ReferenceServer, tmp_path: Path, http: str, text: str) -> None:
    with program(text, reference, tmp_path, http) as device:
        awaits(device, "connected")
        for number in range(3):
            to = f"wss://relay.example/{number}"
            # Delivered, or waiting for the device to be back.
            reference.wake(to)
            awaits(device, f"wanted at {to}")
        interrupts(device, reference)


@pytest.mark.parametrize("text", [ASYNC, BLOCKING], ids=["async", "blocking"])
def test_interrupted_while_asleep(reference: ReferenceServer, tmp_path: Path, http: str, text: str) -> None:
    with program(text, reference, tmp_path, http) as device:
        awaits(device, "connected")
        # The server looks twice a second.
        reference.event("watches", open=1)
        device.process.send_signal(signal.SIGINT)
        assert device.end() in (-signal.SIGINT, 128 + signal.SIGINT, 1)
        reference.event("watches", open=0)
        assert "KeyboardInterrupt" in "".join(device.said)
        is_clean(device, reference)


def test_a_lease_is_kept_by_heartbeats(tmp_path: Path, http: Client) -> None:
    server = ReferenceServer(tmp_path, "--heartbeat-interval", "1s", "--lease-lifetime", "2s")
    try:

        async def main() -> None:
            async with dormouse.watch(server.url, token=server.token, http=http) as watch:
                waiting = asyncio.ensure_future(watches(watch))
                while watch.stats.heartbeats_accepted < 3:
                    await asyncio.wait([waiting], timeout=0.05)
                waiting.cancel()
                await asyncio.wait([waiting])
                assert watch.stats.connects == 1

        asyncio.run(asyncio.wait_for(main(), SOON))
    finally:
        server.close()


async def watches(watch: dormouse.AsyncWatch) -> None:
    async for _ in watch:
        pass


def test_an_interrupted_wait_goes_on(reference: ReferenceServer, tmp_path: Path, http: str) -> None:
    with program(STUBBORN, reference, tmp_path, http) as device:
        awaits(device, "connected")
        reference.event("watches", open=1)
        device.process.send_signal(signal.SIGINT)
        awaits(device, "interrupted")
        assert reference.wake()["delivered"]
        awaits(device, "wanted at wss://relay.example/1")
        device.process.send_signal(signal.SIGINT)
        awaits(device, "interrupted")
        assert device.end() == 0
        reference.event("watches", open=0)
        is_clean(device, reference)


def test_a_script_that_ends_without_closing_is_closed(reference: ReferenceServer, tmp_path: Path, http: str) -> None:
    with program(FORGETFUL, reference, tmp_path, http) as device:
        awaits(device, "connected")
        assert reference.wake()["delivered"]
        assert device.end() == 7
        is_clean(device, reference)


def test_the_server_dies_and_comes_back(reference: ReferenceServer, tmp_path: Path, http: str) -> None:
    with program(ASYNC, reference, tmp_path, http) as device:
        awaits(device, "connected")
        reference.process.kill()
        reference.end()
        awaits(device, "connecting")
        again = ReferenceServer(tmp_path, listen=reference.url.removeprefix("http://"))
        try:
            awaits(device, "connected")
            assert again.wake()["delivered"]
            awaits(device, "wanted at wss://relay.example/1")
        finally:
            again.close()


# The programs of README.md, as they stand there.


def test_the_readme_has_three_programs() -> None:
    assert len(PROGRAMS) == 3


@pytest.mark.parametrize("text", PROGRAMS[:2], ids=["async", "blocking"])
def test_the_readmes_program_runs(reference: ReferenceServer, tmp_path: Path, text: str) -> None:
    with program(text, reference, tmp_path) as device:
        awaits(device, "connected")
        reference.event("watches", open=1)
        assert reference.wake()["delivered"]
        awaits(device, "wanted at wss://relay.example/1")
        interrupts(device, reference)
        assert "Traceback" not in "".join(device.said)
        reference.event("watches", open=0)


def test_the_readmes_loop_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(PROGRAMS[2], os.fspath(README), "exec"), {"__name__": "readme"})
    said = capsys.readouterr().out.splitlines()
    assert "connect 1: GET https://api.example.com/v1/watch?protocolVersion=2.2.0" in said
    assert 'heartbeat 1: POST https://api.example.com/v1/watch/heartbeat {"watchLeaseId":"l-1"}' in said
    assert "wanted at wss://example.com/1, with [hidden]" in said
    assert "connect 2: GET https://api.example.com/v1/watch?protocolVersion=2.2.0" in said
