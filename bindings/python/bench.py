"""How many bytes of an event stream go through the binding in a second, beside the same in Rust, in one run.

The stream is a quiet one: comments and events that mean nothing, in pieces of 1.4 KiB, as a network brings them. Each piece
is one `handle_data`; the second row polls after each as well, as a loop of its own would.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import dormouse

PIECE = 1434
TIMES = 40
HERE = Path(__file__).parent


def stream() -> bytes:
    """A `hello`, filled up to one piece, and a MiB of what follows it."""
    hello = b'event: hello\ndata: {"watchLeaseId":"l-1","deviceWaitForViewerMs":30000,"heartbeatIntervalMs":20000}\n\n'
    hello += b":" + b"." * (PIECE - len(hello) - 2) + b"\n"
    one = b": still here\n\n" * 20 + b'event: news\nid: 1\ndata: {"nobody":"asked","for":[1,2,3]}\n\n'
    return hello + one * (1024 * 1024 // len(one))


def python(data: bytes) -> list[float]:
    """Seconds, without polling and with it."""
    watch = dormouse.Watch(dormouse.Config("https://api.example.com"), "canary", seed=1, now=0)
    while not isinstance(watch.poll(), dormouse.Sleep):
        pass
    watch.handle_head(1, 200, [("content-type", "text/event-stream")], now=1)
    watch.handle_data(1, data[:PIECE], now=2)
    while not isinstance(watch.poll(), dormouse.Sleep):
        pass
    pieces = [data[start : start + PIECE] for start in range(PIECE, len(data), PIECE)]
    seconds = []
    for polled in (False, True):
        began = time.perf_counter()
        for _ in range(TIMES):
            for piece in pieces:
                watch.handle_data(1, piece, now=3)
                if polled:
                    watch.poll()
        seconds.append(time.perf_counter() - began)
    assert watch.status is dormouse.Status.CONNECTED
    assert watch.stats.comments
    assert watch.stats.events_ignored
    return seconds


def rust(data: bytes) -> list[float]:
    """The same of core alone."""
    example = ["cargo", "run", "--quiet", "--release", "--locked", "--example", "throughput", "--"]
    ran = subprocess.run(
        [*example, str(PIECE), str(TIMES)],
        cwd=HERE,
        env={**os.environ, "PYO3_BUILD_EXTENSION_MODULE": "1", "PYO3_PYTHON": sys.executable},
        input=data,
        stdout=subprocess.PIPE,
        check=True,
    )
    return [float(line) for line in ran.stdout.split()]


def main() -> None:
    """Prints a table."""
    data = stream()
    total = (len(data) - PIECE) * TIMES
    print(f"{total / 1e6:.0f} MB in pieces of {PIECE} bytes, MB/s")
    print(f"{'':24}{'Python':>10}{'Rust':>10}")
    for name, ours, core in zip(("handle_data", "handle_data and poll"), python(data), rust(data), strict=True):
        print(f"{name:24}{total / ours / 1e6:10.0f}{total / core / 1e6:10.0f}")


if __name__ == "__main__":
    main()
