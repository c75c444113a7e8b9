"""The contract of every binding: each journal of testkit/vectors, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dormouse
from dormouse import codes

VECTORS = Path(__file__).parents[3] / "testkit" / "vectors"
FILES = sorted(VECTORS.glob("*.jsonl"))


def test_there_are_vectors() -> None:
    assert len(FILES) >= 90, VECTORS


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_vector(file: Path) -> None:
    header, *lines = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    watch = begin(json.loads(header))
    outs = 0
    for number, line in enumerate(lines, start=2):
        fields = json.loads(line)
        if "out" in fields:
            assert written(watch.poll()) == line, f"{file.name}:{number}"
            outs += 1
        elif "in" in fields:
            hand_in(watch, fields)
        else:
            pytest.fail(f"{file.name}:{number} is neither an input nor an action")
    assert outs > 0


def begin(header: dict[str, Any]) -> dormouse.Watch:
    assert header["dormouse_journal"] == 1
    names = ("flap", "connect_bound", "retry_after", "jitter", "window", "hints")
    config = dormouse.Config(
        header["base"],
        watch_path=header["watch_path"],
        heartbeat_path=header["heartbeat_path"],
        auth_scheme=header["auth_scheme"],
        protocol_version=header["protocol_version"],
        line_limit=header["line_limit"],
        data_limit=header["data_limit"],
        guards=dormouse.Guards(**{name: header[name] for name in names}),
        park_on_unauthorized={"stop": False, "park": True}[header["on_unauthorized"]],
    )
    token = "x" * header["token_len"]
    return dormouse.Watch(config, token, seed=int(header["seed"], 16), now=header["start"])


def hand_in(watch: dormouse.Watch, fields: dict[str, Any]) -> None:
    now = fields["at"]
    match fields["in"]:
        case "tick":
            watch.handle_tick(now=now)
        case "head":
            headers = []
            if fields["event_stream"]:
                headers.append(("Content-Type", "text/event-stream"))
            if fields["compressed"]:
                headers.append(("content-encoding", "gzip"))
            if "retry_after_s" in fields:
                headers.append(("Retry-After", str(fields["retry_after_s"])))
            watch.handle_head(fields["attempt"], fields["status"], headers, now=now)
        case "data":
            text = fields.get("text")
            data = bytes.fromhex(fields["hex"]) if text is None else text.encode()
            watch.handle_data(fields["attempt"], data, now=now)
        case "end":
            watch.handle_end(fields["attempt"], now=now)
        case "failed":
            fault = codes.TransportFault[fields["cause"].upper()]
            assert fault == fields["code"]
            watch.handle_failed(fields["attempt"], fault, now=now)
        case "heartbeat_answer":
            watch.handle_heartbeat_answer(fields["beat"], fields["status"], now=now)
        case "heartbeat_failed":
            fault = codes.TransportFault[fields["cause"].upper()]
            assert fault == fields["code"]
            watch.handle_heartbeat_failed(fields["beat"], fault, now=now)
        case "heartbeats_cancelled":
            watch.handle_heartbeats_cancelled(now=now)
        case "sleep_again":
            watch.handle_sleep_again(codes.HandOver[fields["hand_over"].upper()], now=now)
        case "hint":
            watch.handle_hint(codes.Hint[fields["hint"].upper()], now=now)
        case "offline":
            watch.handle_offline(fields["offline"], now=now)
        case "new_token":
            watch.handle_new_token("x" * fields["token_len"], now=now)
        case "stop":
            watch.handle_stop(now=now)
        case unknown:
            pytest.fail(f"no input is called {unknown}")


def written(action: object) -> str:
    """The line of an action: its fields in the order of the format."""
    fields: dict[str, Any]
    match action:
        case dormouse.Disconnect(attempt):
            fields = {"out": "disconnect", "attempt": attempt}
        case dormouse.Abandon(beat):
            fields = {"out": "abandon", "beat": beat}
        case dormouse.Connect(attempt, request):
            fields = {"out": "connect", "attempt": attempt, **requested(request)}
        case dormouse.Heartbeat(beat, request):
            fields = {"out": "heartbeat", "beat": beat, **requested(request)}
        case dormouse.Report():
            fields = {"out": "report", **reported(action)}
        case dormouse.StatusChanged(status, _, code):
            fields = {"out": "status", "code": code, "status": status.value}
        case dormouse.Wake(url, token, session, wait):
            fields = {
                "out": "wake",
                "url": url,
                "token_len": len(token.expose().encode()),
                "session": session,
                "wait_for_viewer_ms": wait,
            }
        case dormouse.Stopped(reason):
            fields = {"out": "stop", "code": int(reason), "reason": reason.name.lower()}
        case dormouse.Sleep(until):
            fields = {"out": "sleep", "until": until}
        case _:
            pytest.fail(f"no action is {action!r}")
    there = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(there, separators=(",", ":"), ensure_ascii=False)


def requested(request: dormouse.Request) -> dict[str, Any]:
    return {"method": request.method, "url": request.url, "body": request.body or None}


def reported(report: dormouse.Report) -> dict[str, Any]:
    match report:
        case dormouse.ReportConnected(attempt, took, interval, wait):
            return {
                "report": "connected",
                "attempt": attempt,
                "took_ms": took,
                "heartbeat_interval_ms": interval,
                "wait_for_viewer_ms": wait,
            }
        case dormouse.ReportOddity(attempt, oddity):
            return {"report": "oddity", "attempt": attempt, "oddity": oddity.name.lower()}
        case dormouse.ReportHeartbeat(beat, took, cause):
            return {
                "report": "heartbeat",
                "beat": beat,
                "took_ms": took,
                "accepted": report.accepted,
                **caused(cause),
            }
        case dormouse.ReportEnded(attempt, phase, cause, ran, then, delay, reason):
            return {
                "report": "ended",
                "attempt": attempt,
                "phase": phase,
                **caused(cause),
                "ran_ms": ran,
                "then": then.name.lower(),
                **delayed(delay),
                "reason": None if reason is None else reason.name.lower(),
            }
        case dormouse.ReportHandOverFailed(delay):
            return {"report": "hand_over_failed", **delayed(delay)}
        case dormouse.ReportHeld(wait):
            return {"report": "held", "wait_ms": wait}
        case _:
            pytest.fail(f"no report is {report!r}")


def caused(cause: dormouse.Cause | None) -> dict[str, Any]:
    if cause is None:
        return {}
    names = ("code", "fault_code", "detail_code", "part_code")
    assert 1 <= len(cause.codes) <= len(names)
    return {**dict(zip(names, cause.codes, strict=False)), "cause": cause.name, "status": cause.status}


def delayed(delay: dormouse.Delay | None) -> dict[str, Any]:
    if delay is None:
        return {}
    return {
        "delay_ms": delay.total_ms,
        "row_ms": delay.row_ms,
        "flap_ms": delay.flap_ms,
        "retry_after_ms": delay.retry_after_ms,
        "window_ms": delay.window_ms,
    }
