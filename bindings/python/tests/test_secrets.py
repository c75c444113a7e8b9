"""No token is ever printed: protocol.md section 6, law 13."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback
from typing import Any

import pytest
from served import hello, wake

import dormouse

CANARY = "canary-5f1d"


def shown(secret: object) -> list[str]:
    return [repr(secret), str(secret), f"{secret}", f"{secret!s:>60}", f"{secret!r}", "%s" % secret, ascii(secret)]  # noqa: UP031


def test_a_secret_is_shown_by_nothing() -> None:
    secret = dormouse.Secret(CANARY)
    assert secret.expose() == CANARY
    for text in [*shown(secret), format(secret, "200"), format(secret, ".3")]:
        assert "canary" not in text
    assert "canary" not in repr([secret, {"a": secret}])
    assert not hasattr(secret, "__dict__")
    assert secret == dormouse.Secret(CANARY)
    assert secret != dormouse.Secret("other")
    assert secret != CANARY


def test_a_secret_is_pickled_by_nothing() -> None:
    secret = dormouse.Secret(CANARY)
    woken = dormouse.Wake("wss://a.example", secret)
    watch = dormouse.Watch(dormouse.Config("https://a.example"), secret, seed=1, now=0)
    request = watch.poll()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for holder in (secret, [secret], woken, watch, request):
            with pytest.raises(TypeError):
                pickle.dumps(holder, protocol)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


def test_nothing_that_holds_one_shows_it() -> None:
    watch = dormouse.Watch(dormouse.Config("https://a.example"), CANARY, seed=1, now=0)
    connect = watch.poll()
    assert isinstance(connect, dormouse.Connect)
    assert CANARY in str(connect.request.expose_headers())
    watch.handle_head(1, 200, {"content-type": "text/event-stream"}, now=1)
    watch.handle_data(1, hello() + wake(CANARY), now=2)
    actions: list[object] = []
    while not isinstance(action := watch.poll(), dormouse.Sleep):
        actions.append(action)
    assert any(isinstance(action, dormouse.Wake) for action in actions)
    for holder in [watch, connect, connect.request, *actions]:
        for text in shown(holder):
            assert "canary" not in text
    for item in dormouse.Decoder().feed(wake(CANARY)):
        assert "canary" not in repr(item)


BAD: list[Any] = [f"{CANARY}\n", f"{CANARY} x", f"{CANARY}\ud800", f"é{CANARY}", CANARY * 2000, CANARY.encode(), [CANARY]]


@pytest.mark.parametrize("token", BAD, ids=range(len(BAD)))
def test_a_bad_token_is_refused_and_in_no_traceback(token: Any) -> None:
    def attempt(make: Any) -> None:
        with pytest.raises((dormouse.LocalError, TypeError)) as caught:
            make()
        error: BaseException | None = caught.value
        while error is not None:
            assert "canary" not in str(error)
            assert "canary" not in repr(error.args)
            assert not any("canary" in str(value) for value in vars(error).values())
            # What this package's frames hold, as a traceback that shows local variables would tell it.
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            for frame in told.stack:
                if "/dormouse/" in frame.filename:
                    assert "canary" not in str(frame.locals), frame
            error = error.__cause__ or error.__context__

    config = dormouse.Config("https://a.example")
    watch = dormouse.Watch(config, "x", seed=1, now=0)
    running = dormouse.watch(config, token="x")
    attempt(lambda: dormouse.Watch(config, token, seed=1, now=0))
    attempt(lambda: watch.handle_new_token(token, now=0))
    attempt(lambda: running.new_token(token))
    attempt(lambda: dormouse.watch(config, token=token))
    attempt(lambda: dormouse.watch_blocking(config, token=token))


def test_token_errors_say_where() -> None:
    config = dormouse.Config("https://a.example")
    for token, code, words in [
        ("", 711, "is empty"),
        ("x" * 8193, 712, "8193 bytes"),
        ("ab\n", 713, "byte 2"),
        ("a b", 714, "byte 1"),
    ]:
        with pytest.raises(dormouse.TokenError, match=words) as caught:
            dormouse.watch(config, token=token)
        assert caught.value.code == code
        again = pickle.loads(pickle.dumps(caught.value))
        assert (type(again), str(again), again.code) == (dormouse.TokenError, str(caught.value), code)


def test_log_lines_hold_none(caplog: pytest.LogCaptureFixture) -> None:
    # Whole watches with a canary are in test_driver.py, where every log line of every one is looked at.
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("dormouse").warning("%s %r", dormouse.Secret(CANARY), dormouse.Secret(CANARY))
    assert "canary" not in caplog.text
