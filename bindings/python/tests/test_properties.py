"""Whatever comes, in whatever order and however it is cut."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from served import hello, wake

import dormouse
from dormouse import codes

PIECES = st.sampled_from(
    [
        hello(),
        hello("l" * 256, 1),
        wake(),
        wake("canary" * 50, "s-1"),
        b": alive\n\n",
        b": alive\r",
        b"retry: 1500\n",
        b"event: other\ndata: x\n\n",
        b"event: hello\ndata: {}\n\n",
        b"data: \xff\xfe\n\n",
        b"\xef\xbb\xbf",
        b"data: " + b"y" * 2000 + b"\n",
        b"id: 4\n",
        b"\r\n",
        b"event: wake\r\ndata: {",
        b"\n",
    ]
)


def drain(watch: dormouse.Watch) -> list[dormouse.Action]:
    actions: list[dormouse.Action] = []
    while not isinstance(action := watch.poll(), dormouse.Sleep):
        actions.append(action)
        assert len(actions) < 20, "one of each kind at the most"
    actions.append(action)
    return actions


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


@given(st.lists(PIECES, max_size=12), st.lists(st.integers(0, 5000), max_size=40))
def test_how_a_watchs_bytes_are_cut_changes_nothing(pieces: list[bytes], places: list[int]) -> None:
    config = dormouse.Config("https://a.example", line_limit=1024, data_limit=1024)
    whole = dormouse.Watch(config, "canary", seed=3, now=0)
    drain(whole)
    whole.handle_head(1, 200, {"content-type": "text/event-stream"}, now=1)
    parts = copy.copy(whole)
    data = b"".join(pieces)
    whole.handle_data(1, data, now=2)
    for part in cut(data, places):
        parts.handle_data(1, part, now=2)
    # Bytes after the end of an attempt are stale, however many calls they come in.
    assert drain(whole) == drain(parts)
    assert whole.status == parts.status
    assert whole.deadline == parts.deadline


@given(st.lists(st.one_of(PIECES, st.binary(max_size=30)), max_size=12), st.lists(st.integers(0, 5000), max_size=40))
def test_how_a_decoders_bytes_are_cut_changes_nothing(pieces: list[bytes], places: list[int]) -> None:
    data = b"".join(pieces)
    whole, parts, bytewise = (dormouse.Decoder(line_limit=1024, data_limit=1024) for _ in range(3))
    expected = whole.feed(data)
    for decoder, cuts in [(parts, cut(data, places)), (bytewise, cut(data, list(range(len(data)))))]:
        items = [item for part in cuts for item in decoder.feed(part)]
        # Over its limit it says so with each call.
        exceeded = [number for number, item in enumerate(items) if isinstance(item, dormouse.LimitExceeded)]
        if exceeded:
            assert all(item == items[exceeded[0]] for item in items[exceeded[0] :])
            items = items[: exceeded[0] + 1]
        assert items == expected
        assert (decoder.lines, decoder.retry, decoder.is_unfinished, decoder.last_event_id) == (
            whole.lines,
            whole.retry,
            whole.is_unfinished,
            whole.last_event_id,
        )


NUMBERS = st.one_of(st.integers(0, 6), st.integers(0, 2**64 - 1))
STATUSES = st.sampled_from([0, 200, 204, 301, 401, 409, 410, 429, 500, 503, 65535])
HEADS = st.sampled_from(
    [
        {"content-type": "text/event-stream"},
        {"content-type": "text/event-stream", "content-encoding": "gzip"},
        {"retry-after": "7"},
        {"retry-after": "99999999999999999999999"},
        {},
    ]
)
FAULTS = st.sampled_from(codes.TransportFault)
INPUTS: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.just("handle_tick")),
    st.tuples(st.just("handle_head"), NUMBERS, STATUSES, HEADS),
    st.tuples(st.just("handle_data"), NUMBERS, st.one_of(PIECES, st.binary(max_size=40))),
    st.tuples(st.just("handle_end"), NUMBERS),
    st.tuples(st.just("handle_failed"), NUMBERS, FAULTS),
    st.tuples(st.just("handle_heartbeat_answer"), NUMBERS, STATUSES),
    st.tuples(st.just("handle_heartbeat_failed"), NUMBERS, FAULTS),
    st.tuples(st.just("handle_heartbeats_cancelled")),
    st.tuples(st.just("handle_sleep_again"), st.sampled_from(codes.HandOver)),
    st.tuples(st.just("handle_hint"), st.sampled_from(codes.Hint)),
    st.tuples(st.just("handle_offline"), st.booleans()),
    st.tuples(st.just("handle_new_token"), st.sampled_from(["canary-a", "canary-b"])),
    st.tuples(st.just("handle_stop")),
)
TIMES = st.one_of(st.integers(0, 100), st.integers(0, 100_000), st.integers(0, 2**64 - 1))


@settings(max_examples=300)
@given(
    st.booleans(),
    st.integers(0, 2**64 - 1),
    st.lists(st.tuples(INPUTS, TIMES, st.booleans()), max_size=40),
)
def test_every_order_of_inputs_is_taken(park: bool, seed: int, life: list[tuple[tuple[Any, ...], int, bool]]) -> None:
    config = dormouse.Config("https://a.example", park_on_unauthorized=park)
    watch, twin = (dormouse.Watch(config, "canary", seed=seed, now=0) for _ in range(2))
    now = 0
    open_attempt: int | None = None
    for (name, *arguments), later, drained in life:
        now = min(now + later, 2**64 - 1)
        for one in (watch, twin):
            getattr(one, name)(*arguments, now=now)
        if not drained:
            continue
        actions = drain(watch)
        assert actions == drain(twin), "the same inputs give the same actions"
        for action in actions:
            assert "canary" not in repr(action)
            match action:
                case dormouse.Disconnect(attempt):
                    assert attempt == open_attempt
                    open_attempt = None
                case dormouse.Connect(attempt):
                    assert open_attempt is None, "never more than one watch is open"
                    open_attempt = attempt
                case dormouse.Sleep(until):
                    assert until is None or until > now or name != "handle_tick"
                    assert until == watch.deadline
