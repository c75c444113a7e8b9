"""Sleep behind any NAT, and be woken within milliseconds."""
from dormouse._core import *  # noqa
