"""The loop itself, over a network that is a list and a clock that can be moved: suspends, late deadlines, endless talk, and
transports that do what they should not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from served import hello, wake

import dormouse
from dormouse import codes
from dormouse._clock import SuspendClock

HEAD = [(b"content-type", b"text/event-stream")]


class Time:
    """Both clocks of a system: one counts suspend."""

    def __init__(self) -> None:
        self.awake = 100.0
        self.suspended = 50.0

    def clock(self) -> SuspendClock:
        return SuspendClock(lambda: self.awake + self.suspended, lambda: self.awake)


class Network:
    """A transport whose streams are queues. What it is asked for is kept."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.beats: list[asyncio.Future[int]] = []
        self.most_open = 0
        self.greets = True
        """Whether a stream begins with a hello of its own."""

    def session(self) -> Session:
        return Session(self)

    @property
    def stream(self) -> Stream:
        return self.streams[-1]

    def open(self) -> list[Stream]:
        return [stream for stream in self.streams if not stream.is_closed]


class Stream:
    status = 200
    headers = HEAD

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.is_closed = False
        self.turns = 0
        """So many turns of the event loop a piece takes from the socket to whoever reads."""

    async def read(self) -> bytes:
        piece = await self.pieces.get()
        await idle(self.turns)
        if isinstance(piece, Exception):
            raise piece
        return piece


class Session:
    def __init__(self, network: Network) -> None:
        self._network = network
        self._stream: Stream | None = None

    async def open(self, request: dormouse.Request) -> Stream:
        self._stream = Stream()
        self._network.streams.append(self._stream)
        self._network.most_open = max(self._network.most_open, len(self._network.open()))
        if self._network.greets:
            self._stream.pieces.put_nowait(hello(interval_ms=20_000))
        return self._stream

    async def post(self, request: dormouse.Request) -> int:
        self._network.beats.append(asyncio.get_running_loop().create_future())
        return await self._network.beats[-1]

    async def aclose(self) -> None:
        if self._stream is not None:
            self._stream.is_closed = True


class World:
    def __init__(self) -> None:
        self.time = Time()
        self.network = Network()
        self.reports: list[dormouse.Report] = []
        self.watch = dormouse.AsyncWatch(
            dormouse.Config("http://a.example"),
            dormouse.Secret("canary"),
            self.network,
            observe=self.reports.append,
            clock=self.time.clock(),
        )

    async def connected(self) -> None:
        while str(await anext(self.watch)) != "connected":
            pass

    async def wakes(self) -> dormouse.Wake:
        async for event in self.watch:
            if isinstance(event, dormouse.Wake):
                return event
        pytest.fail("it stopped")

    def ends(self) -> list[str]:
        return [report.cause.name for report in self.reports if isinstance(report, dormouse.ReportEnded)]


def play(main: Callable[[World], Awaitable[None]]) -> World:
    async def whole() -> World:
        world = World()
        async with world.watch:
            await main(world)
        assert not world.network.open()
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("dormouse")]
        return world

    async def limited() -> World:
        return await asyncio.wait_for(whole(), 20)

    world = asyncio.run(limited())
    assert world.network.most_open <= 1
    return world


async def idle(turns: int = 50) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


def test_a_resume_is_noticed_and_the_watch_is_made_anew() -> None:
    async def main(world: World) -> None:
        await world.connected()
        waiting = asyncio.ensure_future(world.wakes())
        await idle()
        world.time.suspended += 3600
        # The loop is looked at when something rings; the system's own timer would have done so within an interval.
        world.watch.offline(False)
        while len(world.network.streams) < 2:
            await asyncio.sleep(0.001)
        world.network.stream.pieces.put_nowait(wake())
        await waiting

    world = play(main)
    assert world.ends() == ["hint.resumed", "wake"]


def test_a_wake_that_came_while_suspended_is_not_lost_to_the_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    # However slow this machine is just now: the wait ends with what it waits for.
    monkeypatch.setattr("dormouse._watching.CATCH_UP", 15.0)

    async def main(world: World) -> None:
        await world.connected()
        first = world.network.stream
        first.turns = 100
        waiting = asyncio.ensure_future(world.wakes())
        await idle()
        # The clock has jumped, and the socket has something; neither has been looked at.
        world.time.suspended += 3600
        first.pieces.put_nowait(wake())
        world.watch.resumed()
        await waiting
        assert len(world.network.streams) == 1

    assert play(main).ends() == ["wake"]


def test_a_wake_is_not_lost_to_a_deadline_that_passed_while_the_process_was_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dormouse._watching.CATCH_UP", 15.0)

    async def main(world: World) -> None:
        await world.connected()
        first = world.network.stream
        first.turns = 100
        waiting = asyncio.ensure_future(world.wakes())
        await idle()
        # Not suspended: the process was stopped, for longer than every deadline there is.
        world.time.awake += 600
        first.pieces.put_nowait(b": alive\n\n")
        first.pieces.put_nowait(wake())
        world.watch.offline(False)
        await waiting

    assert play(main).ends() == ["wake"]


def test_each_deadline_has_its_own_time_to_catch_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dormouse._watching.CATCH_UP", 8.0)

    async def main(world: World) -> None:
        loop = asyncio.get_running_loop()
        world.network.greets = False
        waiting = asyncio.ensure_future(world.wakes())
        while not world.network.streams:
            await asyncio.sleep(0)
        await idle()
        # The hello is late, since nobody ran; and then it is there all the same.
        world.time.awake += 31
        world.watch.offline(False)
        await idle()
        world.network.stream.pieces.put_nowait(hello(interval_ms=20_000))
        while world.watch.stats.hellos < 1:
            await asyncio.sleep(0)
        await idle()
        # When that time is long over there is a hint, and a wake on its way.
        real = loop.time
        monkeypatch.setattr(loop, "time", lambda: real() + 9)
        world.network.stream.turns = 100
        world.network.stream.pieces.put_nowait(wake())
        world.watch.network_changed()
        await waiting

    assert play(main).ends() == ["wake"]


def test_what_comes_at_the_instant_of_a_deadline_comes_before_it() -> None:
    async def main(world: World) -> None:
        await world.connected()
        first = world.network.stream
        first.turns = 8
        waiting = asyncio.ensure_future(world.wakes())
        await idle()
        world.time.awake += 50
        first.pieces.put_nowait(wake())
        world.watch.offline(False)
        await waiting

    assert play(main).ends() == ["wake"]


def test_a_wake_comes_before_the_410_that_came_with_it() -> None:
    async def main(world: World) -> None:
        await world.connected()
        first = world.network.stream
        first.turns = 8
        waiting = asyncio.ensure_future(world.wakes())
        world.time.awake += 20
        world.watch.offline(False)
        while not world.network.beats:
            await asyncio.sleep(0.001)
        world.network.beats[0].set_result(410)
        first.pieces.put_nowait(wake())
        await waiting

    assert play(main).ends() == ["wake"]


def test_a_deadline_that_passed_while_nothing_came_takes_effect() -> None:
    async def main(world: World) -> None:
        await world.connected()
        waiting = asyncio.ensure_future(world.wakes())
        await idle()
        world.time.awake += 51
        world.watch.offline(False)
        while len(world.network.streams) < 2:
            await asyncio.sleep(0.001)
        world.network.stream.pieces.put_nowait(wake())
        await waiting

    # The heartbeat that was due is sent first, and is then in flight.
    assert play(main).ends() == ["read_timeout", "wake"]


def test_a_server_that_never_stops_talking_does_not_hold_up_a_heartbeat() -> None:
    async def main(world: World) -> None:
        await world.connected()
        stream = world.network.stream
        waiting = asyncio.ensure_future(world.wakes())
        world.time.awake += 20
        talked = 0
        while not world.network.beats:
            assert talked < 10_000
            stream.pieces.put_nowait(b": alive\n\n")
            talked += 1
            await asyncio.sleep(0)
        world.network.beats[0].set_result(204)
        while world.watch.stats.heartbeats_accepted == 0:
            assert talked < 10_000
            stream.pieces.put_nowait(b": alive\n\n")
            talked += 1
            await asyncio.sleep(0)
        stream.pieces.put_nowait(wake())
        await waiting

    play(main)


def test_a_heartbeat_without_an_answer_is_abandoned() -> None:
    async def main(world: World) -> None:
        await world.connected()
        waiting = asyncio.ensure_future(world.wakes())
        world.time.awake += 20
        world.watch.offline(False)
        while not world.network.beats:
            await asyncio.sleep(0.001)
        world.network.stream.pieces.put_nowait(b": alive\n\n")
        world.time.awake += 10
        world.watch.offline(False)
        while not world.network.beats[0].cancelled():
            await asyncio.sleep(0.001)
        world.network.stream.pieces.put_nowait(wake())
        await waiting

    world = play(main)
    beat = next(report for report in world.reports if isinstance(report, dormouse.ReportHeartbeat))
    assert beat.cause is not None
    assert beat.cause.name == "timeout"


def test_at_every_turn_of_the_event_loop_a_cancelled_wait_loses_nothing() -> None:
    """A wait is cancelled after one turn, after two, after three …, with a wake on its way."""

    async def main(world: World) -> None:
        await world.connected()
        for turns in range(40):
            world.network.stream.pieces.put_nowait(b": alive\n\n" * 3)
            world.network.stream.pieces.put_nowait(wake(f"canary-{turns}"))
            waiting = asyncio.ensure_future(world.wakes())
            await idle(turns)
            if not waiting.done():
                waiting.cancel()
                await asyncio.wait([waiting])
            try:
                woken = waiting.result()
            except asyncio.CancelledError:
                woken = await world.wakes()
            assert woken.token.expose() == f"canary-{turns}"
            # Asleep again, at a turn of its own: the same over again with the next watch.
            streams = len(world.network.streams)
            again = asyncio.ensure_future(world.wakes())
            while len(world.network.streams) == streams or world.watch.stats.hellos == streams:
                await asyncio.sleep(0)
            again.cancel()
            await asyncio.wait([again])

    assert play(main).ends() == ["wake"] * 40


def test_a_transport_that_fails_as_it_should_not_is_a_fault_like_others(caplog: pytest.LogCaptureFixture) -> None:
    async def main(world: World) -> None:
        await world.connected()
        world.network.stream.pieces.put_nowait(KeyError("meant"))
        waiting = asyncio.ensure_future(world.wakes())
        while len(world.network.streams) < 2:
            world.time.awake += 1
            world.watch.offline(False)
            await asyncio.sleep(0.001)
        world.network.stream.pieces.put_nowait(wake())
        await waiting

    assert play(main).ends() == ["stream.transport.other", "wake"]
    assert "KeyError at " in caplog.text
    for record in caplog.records:
        # Frames hold headers: a handler that shows local variables would show them.
        arguments = record.args if isinstance(record.args, tuple) else ()
        assert not record.exc_info
        assert not any(isinstance(argument, BaseException) for argument in arguments)


def test_a_wake_that_nobody_took_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    async def main(world: World) -> None:
        await world.connected()
        await idle()
        world.network.stream.pieces.put_nowait(wake())
        await idle()

    with caplog.at_level(logging.WARNING):
        play(main)
    assert "a wake that nobody took" in caplog.text
    assert "canary" not in caplog.text


def test_a_hint_from_before_a_wake_does_not_hasten_what_comes_after_it() -> None:
    async def main(world: World) -> None:
        await world.connected()
        for number in range(2):
            world.network.stream.pieces.put_nowait(wake())
            await idle()
            world.watch.network_changed()
            await world.wakes()
            world.watch.hand_over_failed()
            if number == 0:
                waiting = asyncio.ensure_future(world.wakes())
                while world.watch.stats.hellos < 2:
                    await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait([waiting])
        # The second hand-over that fails is waited for, and the hint was for what was before.
        waiting = asyncio.ensure_future(world.wakes())
        await idle(500)
        assert len(world.network.streams) == 2
        waiting.cancel()
        await asyncio.wait([waiting])

    assert play(main).ends() == ["wake", "wake"]


def test_a_heartbeat_on_its_way_is_given_up_with_its_watch() -> None:
    async def main(world: World) -> None:
        await world.connected()
        waiting = asyncio.ensure_future(world.wakes())
        world.time.awake += 20
        world.watch.offline(False)
        while not world.network.beats:
            await asyncio.sleep(0.001)
        world.network.stream.pieces.put_nowait(wake())
        await waiting
        assert world.network.beats[0].cancelled()
        assert not world.network.open()

    play(main)


def test_the_clock_counts_suspend_and_notices_a_resume_once() -> None:
    time = Time()
    clock = time.clock()
    assert clock.now() == 0
    assert not clock.resumed()
    time.suspended += 1
    assert not clock.resumed(), "that is noise"
    time.suspended += 7199
    assert clock.now() == 7_200_000
    assert clock.resumed()
    assert not clock.resumed()
    time.awake += 0.9999
    assert clock.now() == 7_200_999


def test_it_can_be_closed_when_its_event_loop_has_ended() -> None:
    worlds: list[World] = []

    async def first() -> None:
        worlds.append(World())
        await worlds[0].connected()

    async def second() -> None:
        await worlds[0].watch.aclose()
        await worlds[0].watch.aclose()

    asyncio.run(first())
    asyncio.run(second())
    assert not worlds[0].network.open()


def test_it_is_closed_in_its_own_event_loop_while_that_lasts() -> None:
    loop = asyncio.new_event_loop()
    world = World()
    loop.run_until_complete(world.connected())

    async def elsewhere() -> None:
        with pytest.raises(dormouse.LocalError, match="another event loop"):
            await world.watch.aclose()

    asyncio.run(elsewhere())
    loop.run_until_complete(world.watch.aclose())
    loop.close()
    assert not world.network.open()


def test_the_systems_clock_runs() -> None:
    clock = SuspendClock()
    first = clock.now()
    assert 0 <= first < 10_000
    assert clock.now() >= first
    assert not clock.resumed()


def test_a_watch_is_what_it_shows() -> None:
    world = World()
    assert repr(world.watch) == "<AsyncWatch connecting>"
    assert world.watch.status is codes.Status.CONNECTING
    assert world.watch.stats.connects == 0
