"""The clock of a watch: milliseconds that keep counting while the device is suspended.

An event loop's own clock stands still meanwhile, and a lease does not wait for a closed laptop. Most operating systems have
one clock that counts suspend and one that does not; that their difference has grown is how a resume is found out.

===============  ===================  ====================
system           counts suspend       does not
===============  ===================  ====================
Linux, Android   ``CLOCK_BOOTTIME``   ``CLOCK_MONOTONIC``
Apple's          ``CLOCK_MONOTONIC``  ``CLOCK_UPTIME_RAW``
others           what ``time.monotonic`` does, and nothing is found out
===============  ===================  ====================
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

NOTICEABLE_MS = 2_000
"""A jump below this is the two clocks being read one after the other."""


def _monotonic() -> float:
    return time.monotonic()


if sys.platform == "linux" or sys.platform == "android":

    def _all() -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

elif sys.platform == "darwin":

    def _all() -> float:
        return time.clock_gettime(time.CLOCK_MONOTONIC)

else:
    _all = _monotonic

if sys.platform == "darwin":

    def _awake() -> float:
        return time.clock_gettime(time.CLOCK_UPTIME_RAW)

else:
    _awake = _monotonic


class SuspendClock:
    """The time since it was made, time spent suspended included, and whether the device was suspended.

    ``read_all`` and ``read_awake`` tell seconds, with and without the time spent suspended: the system's, but in tests.
    """

    def __init__(self, read_all: Callable[[], float] = _all, read_awake: Callable[[], float] = _awake) -> None:
        self._read_all = read_all
        self._read_awake = read_awake
        self._origin = read_all()
        self._suspended = self._origin - read_awake()

    def now(self) -> int:
        """Whole milliseconds, rounded down: what is due at a millisecond is not due before it."""
        return max(0, int((self._read_all() - self._origin) * 1000))

    def resumed(self) -> bool:
        """Whether the device was suspended, for two seconds or more, since this was last asked."""
        awake = self._read_awake()  # First, so that what passes in between is never taken for more than it is.
        suspended = self._read_all() - awake
        if (suspended - self._suspended) * 1000 < NOTICEABLE_MS:
            return False
        self._suspended = suspended
        return True
