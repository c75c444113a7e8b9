"""Sleep behind any NAT, and be woken within milliseconds.

For an application::

    async with dormouse.watch("https://api.example.com", token=token) as watch:
        async for event in watch:
            match event:
                case dormouse.Wake(url=url, token=token):
                    await work(url, token.expose())
                case dormouse.StatusChanged():
                    print(event)

For a script, the same without asyncio: ``with dormouse.watch_blocking(…) as watch: for event in watch: …``.

For an event loop of your own there is ``dormouse.Watch``, the protocol without any I/O: tell it what happens with
``handle_…``, ask it what to do with ``poll``. And ``dormouse.Decoder`` reads any event stream.

Times are whole milliseconds. Tokens are ``Secret``, and are never shown. Log lines go to the logger ``dormouse``.
"""

from __future__ import annotations

from typing import TypeAlias

from dormouse import codes, transport
from dormouse._blocking import BlockingWatch
from dormouse._core import (
    PROTOCOL_VERSION,
    Abandon,
    Cause,
    Comment,
    Config,
    Connect,
    Decoder,
    Delay,
    Disconnect,
    Guards,
    Heartbeat,
    LimitExceeded,
    Report,
    ReportConnected,
    ReportEnded,
    ReportHandOverFailed,
    ReportHeartbeat,
    ReportHeld,
    ReportOddity,
    Request,
    Retry,
    Secret,
    ServerSentEvent,
    Sleep,
    Stats,
    StatusChanged,
    Stopped,
    Wake,
    Watch,
    __version__,
)
from dormouse._start import watch, watch_blocking
from dormouse._watching import AsyncWatch, Event
from dormouse.codes import HandOver, Hint, Status, StopReason, TransportFault
from dormouse.errors import ConfigError, Error, LocalError, TokenError, TransportError

Action: TypeAlias = Disconnect | Abandon | Connect | Heartbeat | Report | StatusChanged | Wake | Stopped | Sleep
"""What ``Watch.poll`` gives."""

__all__ = [
    "PROTOCOL_VERSION",
    "Abandon",
    "Action",
    "AsyncWatch",
    "BlockingWatch",
    "Cause",
    "Comment",
    "Config",
    "ConfigError",
    "Connect",
    "Decoder",
    "Delay",
    "Disconnect",
    "Error",
    "Event",
    "Guards",
    "HandOver",
    "Heartbeat",
    "Hint",
    "LimitExceeded",
    "LocalError",
    "Report",
    "ReportConnected",
    "ReportEnded",
    "ReportHandOverFailed",
    "ReportHeartbeat",
    "ReportHeld",
    "ReportOddity",
    "Request",
    "Retry",
    "Secret",
    "ServerSentEvent",
    "Sleep",
    "Stats",
    "Status",
    "StatusChanged",
    "StopReason",
    "Stopped",
    "TokenError",
    "TransportError",
    "TransportFault",
    "Wake",
    "Watch",
    "__version__",
    "codes",
    "transport",
    "watch",
    "watch_blocking",
]
