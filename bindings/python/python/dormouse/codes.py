"""The stable codes: what each number in a report means.

A code never changes its meaning and is never used again. Codes 1xx belong to transports, 2xx to connects, 3xx to watches,
4xx to heartbeats, 5xx to messages and what is in them, 6xx to what is said in reports only, 7xx to settings. The codes of a
`Cause` go from the outside in: a wake whose token is a number ends a watch with 305, 312, 504, 515, which is
`Outcome.STREAM`, `StreamFault.WAKE`, `WireFault.TYPE`, `Field.TOKEN`.
"""

from __future__ import annotations

from enum import Enum, IntEnum, unique


@unique
class Status(Enum):
    """What a person sees."""

    CONNECTING = "connecting"
    """There is no watch, and one is being tried for."""
    CONNECTED = "connected"
    """The device can be woken, or is back so fast that nobody need know."""
    UNAUTHORIZED = "unauthorized"
    """The token was refused; the watch is parked."""
    STOPPED = "stopped"
    """The end."""


@unique
class StopReason(IntEnum):
    """Why a watch is over."""

    REQUESTED = 10
    """The application asked for it."""
    UNAUTHORIZED = 11
    """The server refuses the token."""
    CANCELLED = 12
    """Heartbeats were cancelled from outside."""


@unique
class TransportFault(IntEnum):
    """What a transport saw, as far as it can tell."""

    RESOLVE = 101
    """The name could not be looked up."""
    CONNECT = 102
    """No connection came about: refused, unreachable, or no answer."""
    TLS = 103
    """TLS failed: an unknown authority, a wrong name, an expired certificate, a broken handshake."""
    BROKEN = 104
    """The connection broke while it was in use."""
    HTTP = 105
    """What came back is not HTTP, or its framing is broken."""
    OTHER = 199
    """None of these, or the transport cannot tell."""


@unique
class ConnectFault(IntEnum):
    """Why a connect did not end in `hello`."""

    UNAUTHORIZED = 201
    """401: the token is refused."""
    CONFLICT = 202
    """409: another client holds the lease."""
    NOT_EVENT_STREAM = 203
    """A 2xx that is no event stream: a maintenance page, a captive portal, a misrouted balancer."""
    STATUS = 204
    """Any other status."""
    COMPRESSED = 205
    """An event stream that is compressed, though `identity` was asked for."""
    TRANSPORT = 206
    """The transport failed."""
    ENDED = 207
    """The stream ended before `hello`."""
    HELLO_TIMEOUT = 208
    """`hello` did not come within 30 s of the connect."""
    HELLO = 209
    """`hello` came and does not say what it must."""
    LIMIT = 210
    """The stream exceeded a limit before `hello`."""


@unique
class Outcome(IntEnum):
    """How a watch ended."""

    WAKE = 301
    """A wake came."""
    READ_TIMEOUT = 302
    """No complete line came for two and a half heartbeat intervals."""
    HINT = 303
    """A change of network or a resume from suspend."""
    ENDED = 304
    """The server ended the stream cleanly."""
    STREAM = 305
    """The stream broke."""
    HEARTBEAT_LOST = 306
    """The lease was not kept."""


@unique
class StreamFault(IntEnum):
    """How a stream broke after `hello`."""

    TRANSPORT = 311
    """The transport failed."""
    WAKE = 312
    """A wake came that does not say what it must."""
    LIMIT = 313
    """The stream exceeded a limit."""


@unique
class HeartbeatLoss(IntEnum):
    """How a lease was lost, or the wish to keep it."""

    TAKEN = 321
    """409: another client took the lease."""
    GONE = 322
    """410: the server does not know the lease, or it has expired."""
    UNAUTHORIZED = 323
    """401: the token is refused."""
    FAILED = 324
    """None succeeded for three heartbeat intervals."""
    CANCELLED = 325
    """Whoever sends heartbeats will send no more."""


@unique
class Hint(IntEnum):
    """What suggests that a new connection would do better."""

    NETWORK_CHANGED = 331
    """The device's network changed: another interface, address or route."""
    RESUMED = 332
    """The device was suspended and runs again."""


@unique
class HeartbeatFault(IntEnum):
    """Why one heartbeat did not refresh the lease."""

    STATUS = 401
    """A status that is no 2xx."""
    TRANSPORT = 402
    """The transport failed."""
    TIMEOUT = 403
    """No answer within the interval, and at most 10 s."""


@unique
class WireFault(IntEnum):
    """What is wrong with the data of a `hello` or a `wake`."""

    JSON = 501
    """It is not a JSON object, or a key stands in it twice."""
    DEPTH = 502
    """It is nested deeper than 16 levels."""
    MISSING = 503
    """A required key is absent or null."""
    TYPE = 504
    """A value is of the wrong type."""
    TOO_LONG = 505
    """A value is longer than its limit."""
    ID = 506
    """An id is empty or holds something other than visible ASCII."""
    URL = 507
    """The wake's URL is not one to go to."""


@unique
class Field(IntEnum):
    """A key in the data of a `hello` or a `wake`."""

    WATCH_LEASE_ID = 511
    """`watchLeaseId` in `hello`."""
    DEVICE_WAIT_FOR_VIEWER_MS = 512
    """`deviceWaitForViewerMs` in `hello`."""
    HEARTBEAT_INTERVAL_MS = 513
    """`heartbeatIntervalMs` in `hello`."""
    URL = 514
    """`url` in `wake`."""
    TOKEN = 515
    """`token` in `wake`."""
    REMOTE_ACCESS_SESSION_ID = 516
    """`remoteAccessSessionId` in `wake`."""


@unique
class UrlFault(IntEnum):
    """What is wrong with a URL: the base's, or a wake's."""

    SYNTAX = 521
    """It does not follow RFC 3986, or has no scheme."""
    SCHEME = 522
    """Its scheme is not one of those allowed here."""
    HOST = 523
    """It names no host, or a port that there is not."""
    USER_INFO = 524
    """It carries a user name or a password."""
    QUERY = 525
    """It carries a query or a fragment where none may be."""


@unique
class Limit(IntEnum):
    """The limit that a stream exceeded."""

    LINE = 531
    """A line is too long."""
    DATA = 532
    """The data of an event is too long."""


@unique
class Oddity(IntEnum):
    """Something odd that the server did, which changes nothing."""

    SECOND_HELLO = 601
    """A second `hello` on the same stream."""
    OTHER_SESSION = 602
    """A wake with another session id than the first one; the first is kept."""


@unique
class Then(IntEnum):
    """What follows the end of an attempt."""

    CONNECT = 611
    """The next connect, after the delay."""
    PARK = 612
    """Another try with a token that was refused, after the delay."""
    HAND_OVER = 613
    """The wake is handed over."""
    STOP = 614
    """The end."""


@unique
class HandOver(IntEnum):
    """How the hand-over of a wake went."""

    DONE = 621
    """The application could act on it."""
    FAILED = 622
    """It could not; the client comes back ever more slowly while that goes on."""
