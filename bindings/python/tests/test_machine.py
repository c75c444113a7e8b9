"""The machine and the decoder under callers that mean no good, or do not know better: errors, never a crash."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import pytest
from served import hello, wake

import dormouse
from dormouse import codes

BASE = "https://api.example.com"
STREAM = [("content-type", "text/event-stream")]


def machine(**settings: Any) -> dormouse.Watch:
    return dormouse.Watch(dormouse.Config(BASE, **settings), "canary", seed=7, now=0)


def drain(watch: dormouse.Watch) -> list[dormouse.Action]:
    actions: list[dormouse.Action] = []
    while not isinstance(action := watch.poll(), dormouse.Sleep):
        actions.append(action)
    return actions


def watching() -> dormouse.Watch:
    watch = machine()
    drain(watch)
    watch.handle_head(1, 200, STREAM, now=10)
    watch.handle_data(1, hello(), now=11)
    drain(watch)
    return watch


def test_a_whole_life() -> None:
    watch = machine()
    connect, status = drain(watch)
    assert isinstance(connect, dormouse.Connect)
    assert (connect.attempt, connect.request.method, connect.request.body) == (1, "GET", "")
    assert connect.request.url == f"{BASE}/v1/watch?protocolVersion={dormouse.PROTOCOL_VERSION}"
    assert dict(connect.request.expose_headers())["authorization"] == "Bearer canary"
    assert isinstance(status, dormouse.StatusChanged)
    assert str(status) == "connecting"
    assert watch.deadline == 30_000
    watch.handle_head(1, 200, STREAM, now=10)
    watch.handle_data(1, hello(), now=11)
    report, status = drain(watch)
    assert isinstance(report, dormouse.ReportConnected)
    assert str(report) == "attempt 1: connected in 11ms, heartbeat every 60s"
    assert watch.status is codes.Status.CONNECTED
    watch.handle_data(1, wake("canary-wake", "s-1"), now=20)
    *_, woken = drain(watch)
    assert isinstance(woken, dormouse.Wake)
    assert (woken.url, woken.token.expose(), woken.session) == ("wss://relay.example/1", "canary-wake", "s-1")
    assert watch.session == "s-1"
    watch.handle_sleep_again(dormouse.HandOver.DONE, now=30)
    assert any(isinstance(action, dormouse.Connect) for action in drain(watch))
    watch.handle_stop(now=40)
    *_, stopped = drain(watch)
    assert stopped == stopped
    assert isinstance(stopped, dormouse.Stopped)
    assert stopped.reason is codes.StopReason.REQUESTED
    assert watch.poll() == watch.poll()
    assert watch.deadline is None
    assert watch.stats.wakes == 1


@pytest.mark.parametrize("number", [-1, 2**64, 10**30, -(10**30)])
def test_a_number_out_of_its_range_changes_nothing(number: int) -> None:
    watch = watching()
    before = repr(watch), watch.stats
    calls: list[Callable[[], object]] = [
        lambda: watch.handle_tick(now=number),
        lambda: watch.handle_data(number, b"", now=1),
        lambda: watch.handle_head(number, 200, [], now=1),
        lambda: watch.handle_head(1, number, [], now=1),
        lambda: watch.handle_failed(number, codes.TransportFault.TLS, now=1),
        lambda: watch.handle_heartbeat_answer(1, number, now=1),
        lambda: watch.handle_stop(now=number),
        lambda: dormouse.Watch(dormouse.Config(BASE), "canary", seed=number, now=0),
        lambda: dormouse.Config(BASE, line_limit=number),
        lambda: dormouse.Decoder(line_limit=number),
        lambda: dormouse.Wake("wss://a", dormouse.Secret("canary"), None, number),
    ]
    for call in calls:
        with pytest.raises(dormouse.LocalError):
            call()
    assert (repr(watch), watch.stats) == before


@pytest.mark.parametrize("thing", [None, 1.5, "1", b"1", [], object(), 1j])
def test_what_is_no_number_is_a_type_error(thing: Any) -> None:
    watch = watching()
    calls: list[Callable[[], object]] = [
        lambda: watch.handle_tick(now=thing),
        lambda: watch.handle_end(thing, now=1),
        lambda: watch.handle_failed(1, thing, now=1),
        lambda: watch.handle_hint(thing, now=1),
        lambda: watch.handle_sleep_again(thing, now=1),
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()
    assert watch.status is codes.Status.CONNECTED


def test_an_unknown_code_is_a_local_error() -> None:
    watch = watching()
    wrong: Any = codes.HandOver.DONE
    calls: list[Callable[[], object]] = [
        lambda: watch.handle_failed(1, wrong, now=1),
        lambda: watch.handle_hint(wrong, now=1),
        lambda: watch.handle_heartbeat_failed(1, wrong, now=1),
    ]
    for call in calls:
        with pytest.raises(dormouse.LocalError, match="621"):
            call()
    other: Any = codes.Hint.RESUMED
    with pytest.raises(dormouse.LocalError, match="HandOver"):
        watch.handle_sleep_again(other, now=1)


@pytest.mark.parametrize("data", [hello(), bytearray(hello()), memoryview(hello()), memoryview(bytearray(hello()))])
def test_bytes_of_every_kind_are_taken(data: bytes | bytearray | memoryview) -> None:
    watch = machine()
    drain(watch)
    watch.handle_head(1, 200, STREAM, now=1)
    watch.handle_data(1, data, now=2)
    assert watch.status is codes.Status.CONNECTED


def test_a_view_with_gaps_is_taken_as_it_reads() -> None:
    spread = bytes(byte for one in hello() for byte in (one, 0))
    watch = machine()
    drain(watch)
    watch.handle_head(1, 200, STREAM, now=1)
    watch.handle_data(1, memoryview(spread)[::2], now=2)
    assert watch.status is codes.Status.CONNECTED


@pytest.mark.parametrize("data", ["canary", None, 3, [1], {"canary": 1}])
def test_what_is_no_bytes_is_not_shown(data: Any) -> None:
    with pytest.raises(TypeError, match="bytes are wanted") as caught:
        watching().handle_data(1, data, now=1)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Type", "text/event-stream")],
        [(b"CONTENT-TYPE", b"text/event-stream; charset=utf-8")],
        ((b"x", b"\xff\xfe"), (b"content-type", b"text/event-stream")),
        {"content-type": "text/event-stream"},
        iter([("content-type", "text/event-stream")]),
    ],
)
def test_headers_of_every_kind_are_read(headers: Any) -> None:
    watch = machine()
    drain(watch)
    watch.handle_head(1, 200, headers, now=1)
    watch.handle_data(1, hello(), now=2)
    assert watch.status is codes.Status.CONNECTED


@pytest.mark.parametrize("headers", [3, None, [1], ["abc"], [("a", 1)], [("a",)], [("a", "b", "c")], "ab"])
def test_what_are_no_headers_is_an_error_that_changes_nothing(headers: Any) -> None:
    watch = machine()
    drain(watch)
    with pytest.raises((TypeError, ValueError)):
        watch.handle_head(1, 200, headers, now=1)
    watch.handle_head(1, 200, STREAM, now=1)
    watch.handle_data(1, hello(), now=2)
    assert watch.status is codes.Status.CONNECTED


def test_an_argument_may_call_the_machine() -> None:
    watch = machine()
    drain(watch)

    class Meddling:
        def items(self) -> Any:
            watch.handle_tick(now=5)
            watch.poll()
            yield "content-type", "text/event-stream"
            watch.handle_stop(now=6)

    class Now:
        def __index__(self) -> int:
            watch.poll()
            return 7

    now: Any = Now()
    watch.handle_head(1, 200, Meddling(), now=now)
    assert watch.status is codes.Status.STOPPED


def test_an_argument_may_fail() -> None:
    watch = machine()
    drain(watch)

    class Failing:
        def items(self) -> Any:
            yield "content-type", "text/event-stream"
            raise OSError("meant")

    with pytest.raises(OSError, match="meant"):
        watch.handle_head(1, 200, Failing(), now=1)
    assert watch.deadline == 30_000


def test_many_threads_at_once() -> None:
    watch = watching()
    faults: list[BaseException] = []

    def hammer(number: int) -> None:
        try:
            for now in range(300):
                watch.handle_data(1, b": alive\n", now=now)
                watch.handle_hint(codes.Hint.RESUMED, now=now)
                watch.poll()
                watch.handle_head(number, 200, STREAM, now=now)
                copy.copy(watch).poll()
                repr(watch)
                assert watch.stats.comments >= 0
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_time_that_runs_backwards_is_the_last_time_seen() -> None:
    watch = watching()
    watch.handle_data(1, b": alive\n", now=50_000)
    later = watch.deadline
    watch.handle_data(1, b": alive\n", now=3)
    assert watch.deadline == later


def test_what_belongs_to_no_attempt_is_counted() -> None:
    watch = watching()
    watch.handle_data(99, wake(), now=12)
    watch.handle_heartbeat_answer(99, 410, now=12)
    watch.handle_sleep_again(codes.HandOver.DONE, now=12)
    assert drain(watch) == []
    assert (watch.stats.stale, watch.stats.out_of_place) == (2, 1)


def test_a_copy_goes_its_own_way_and_the_same() -> None:
    watch = watching()
    for twin in (copy.copy(watch), copy.deepcopy(watch)):
        for one in (original := copy.copy(watch), twin):
            one.handle_data(1, wake(), now=500)
        assert drain(original) == drain(twin)
    assert watch.status is codes.Status.CONNECTED
    assert watch.stats.wakes == 0


def test_what_comes_out_is_frozen_and_a_value() -> None:
    one, other = machine().poll(), machine().poll()
    assert isinstance(one, dormouse.Connect)
    assert one == other
    assert one != machine(auth_scheme="Device").poll()
    assert one != 3
    with pytest.raises(AttributeError):
        one.attempt = 2  # type: ignore[misc]
    with pytest.raises(TypeError):
        hash(one)
    with pytest.raises(TypeError):
        dormouse.Connect()
    with pytest.raises(TypeError):
        type("Other", (dormouse.Connect,), {})


def test_a_cause_has_every_part() -> None:
    watch = watching()
    watch.handle_data(1, b'event: wake\ndata: {"url":"wss://a.example","token":1}\n\n', now=20)
    ended = next(action for action in drain(watch) if isinstance(action, dormouse.ReportEnded))
    assert isinstance(ended, dormouse.Report)
    assert ended.cause.codes == [
        codes.Outcome.STREAM,
        codes.StreamFault.WAKE,
        codes.WireFault.TYPE,
        codes.Field.TOKEN,
    ]
    assert ended.cause.name == "stream.wake.type.token"
    assert str(ended.cause) == "malformed wake: token is not a string"
    assert ended.then is codes.Then.CONNECT
    assert ended.delay is not None
    assert ended.delay.row_ms == 1000


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"base": "api.example.com"}, 701),
        ({"base": "https://user:canary@example.com"}, 701),
        ({"watch_path": "w"}, 702),
        ({"auth_scheme": "Bear er"}, 703),
        ({"protocol_version": ""}, 704),
        ({"line_limit": 10}, 705),
        ({"data_limit": 2**64 - 1}, 705),
        ({"base": "https://example.com/" + "x" * 3000}, 706),
    ],
)
def test_a_setting_that_cannot_be_used_has_its_code(settings: dict[str, Any], code: int) -> None:
    with pytest.raises(dormouse.ConfigError) as caught:
        dormouse.Config(**{"base": BASE, **settings})
    assert caught.value.code == code
    assert isinstance(caught.value, dormouse.LocalError)
    assert isinstance(caught.value, ValueError)
    assert "canary" not in str(caught.value)


def test_a_config_shows_what_was_given() -> None:
    config = dormouse.Config(
        "https://a.example/", auth_scheme="De'vice", guards=dormouse.Guards(jitter=False), park_on_unauthorized=True
    )
    names = {"Config": dormouse.Config, "Guards": dormouse.Guards}
    assert eval(repr(config), names) == config
    assert config.base == "https://a.example"
    assert not config.guards.jitter
    assert config.guards != dormouse.Guards.none()
    assert not config.is_plain


def test_the_decoder_tells_each_item() -> None:
    decoder = dormouse.Decoder()
    items = decoder.feed(b"id: 7\nevent: greet\ndata: hel")
    items += decoder.feed(b"lo\ndata: \xff\n\n: still here\nretry: 250\n\ndata: cut")
    event, comment, retry = items
    assert isinstance(event, dormouse.ServerSentEvent)
    assert (event.name, event.data, event.id) == ("greet", "hello\n\N{REPLACEMENT CHARACTER}", "7")
    assert repr(event) == '<ServerSentEvent "greet", 9 bytes>'
    assert isinstance(comment, dormouse.Comment)
    assert isinstance(retry, dormouse.Retry)
    assert retry.milliseconds == 250
    assert (decoder.last_event_id, decoder.retry, decoder.lines, decoder.is_unfinished) == ("7", 250, 8, True)
    decoder.reset()
    assert not decoder.is_unfinished
    assert decoder.last_event_id == "7"


def test_a_decoder_over_its_limit_says_so_until_it_is_reset() -> None:
    decoder = dormouse.Decoder(line_limit=10)
    for _ in range(2):
        match decoder.feed(b"data: 123456\n\ndata: x\n\n"):
            case [dormouse.LimitExceeded(limit)]:
                assert limit is codes.Limit.LINE
            case other:
                pytest.fail(repr(other))
    decoder.reset()
    assert len(decoder.feed(b"data: x\n\n")) == 1


def test_without_an_http_client_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dormouse._start.find_spec", lambda _: None)
    for make in (dormouse.watch, dormouse.watch_blocking):
        with pytest.raises(ImportError, match="pip install"):
            make(BASE, token="canary")
