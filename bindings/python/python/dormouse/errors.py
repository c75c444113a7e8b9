"""The caller's own mistakes, and what a transport could not do.

What a server or a network does wrong is never raised to whoever waits for a wake: the watch decides what follows, and says
so in reports and log lines. No exception holds a token.
"""

from __future__ import annotations

from dormouse.codes import TransportFault


class Error(Exception):
    """The base of every exception of this package."""


class LocalError(Error, ValueError):
    """The caller did something that cannot be meant: a number out of its range, an unknown code."""


class _CodedError(LocalError):
    """A mistake with a stable code."""

    code: int
    """The stable code, 701 to 719; never used again for something else."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code

    def __reduce__(self) -> tuple[type[_CodedError], tuple[str, int]]:
        return type(self), (str(self), self.code)


class ConfigError(_CodedError):
    """A setting that cannot be used: codes 701 to 706."""


class TokenError(_CodedError):
    """A device's token that cannot be one: codes 711 to 714. It says where, and never what."""


class TransportError(Error):
    """What a transport raises when it fails: what kind of failure, for the machine, and in its own words, for people.

    The words must not hold a token; a URL with its query is better left out too.
    """

    fault: TransportFault
    """What kind of failure it is, as far as the transport can tell."""
    detail: str
    """The transport's own words."""

    def __init__(self, fault: TransportFault, detail: str = "") -> None:
        super().__init__(fault, detail)
        self.fault = fault
        self.detail = detail

    def __str__(self) -> str:
        kind = self.fault.name.lower()
        return f"{kind}: {self.detail}" if self.detail else kind
