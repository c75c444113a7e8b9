"""Trust: what the platform says, or what the application brought. There is no switch to turn verification off."""

from __future__ import annotations

import ssl

import truststore


class SecureContext:
    """The TLS context of a transport, made when it is first needed and then used again."""

    def __init__(self, given: ssl.SSLContext | None) -> None:
        self._verified = given
        self._trusting_nobody: ssl.SSLContext | None = None

    def context(self, *, plain: bool) -> ssl.SSLContext:
        """A context that verifies.

        Where only http URLs will be asked for it has no roots, which spares reading them: nobody would be trusted.
        """
        if self._verified is not None:
            return self._verified
        if plain:
            if self._trusting_nobody is None:
                self._trusting_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            return self._trusting_nobody
        self._verified = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return self._verified


def tls_fault(error: ssl.SSLError) -> bool:
    """Whether TLS is what went wrong, and not the connection below it."""
    return not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
