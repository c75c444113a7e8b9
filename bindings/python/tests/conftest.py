from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from served import Client, ReferenceServer

# A machine that is busy with other things proves nothing.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")

# What the environment says about proxies is not what is tested, except where it is.
for name in list(os.environ):
    if name.upper().endswith("_PROXY"):
        del os.environ[name]


@pytest.fixture(params=["httpx", "aiohttp"])
def http(request: pytest.FixtureRequest) -> Client:
    """Each HTTP client in turn."""
    name: Client = request.param
    return name


@pytest.fixture
def reference(tmp_path: Path) -> Iterator[ReferenceServer]:
    server = ReferenceServer(tmp_path)
    yield server
    server.close()
