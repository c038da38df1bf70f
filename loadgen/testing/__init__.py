"""A pytest plugin: a local RUM endpoint as a fixture, for tests of a page or a program that sends to RUM.

`pip install` registers the plugin with pytest; elsewhere `pytest_plugins = ["loadgen.testing"]` in a conftest.py does.
Rule: loading the plugin imports only pytest; the endpoint starts when the first test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from loadgen.testing.rum_endpoint import RumEndpoint

__all__ = ["rum_endpoint", "rum_endpoint_of_session", "rum_env"]

CLEARED = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_ENDPOINT_URL")
"""Environment variables that would give a client another address or other credentials."""


@pytest.fixture(scope="session")
def rum_endpoint_of_session() -> Iterator[RumEndpoint]:
    """The endpoint of a test session, without a quota; each worker of pytest-xdist has its own endpoint."""
    from loadgen.endpoint import Endpoint
    from loadgen.testing.rum_endpoint import RumEndpoint

    with Endpoint(quota=None) as endpoint:
        yield RumEndpoint(endpoint)


@pytest.fixture
def rum_endpoint(rum_endpoint_of_session: RumEndpoint) -> RumEndpoint:
    """The session's endpoint, cleared for one test: without app monitors, quota, faults and refusals."""
    rum_endpoint_of_session.clear()
    return rum_endpoint_of_session


@pytest.fixture
def rum_env(rum_endpoint: RumEndpoint, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment variables with which boto3, the AWS CLI and programs find the endpoint, set for this test."""
    for name in CLEARED:
        monkeypatch.delenv(name, raising=False)
    for name, value in rum_endpoint.variables.items():
        monkeypatch.setenv(name, value)
    return rum_endpoint.variables
