"""Fixtures of the sandbox's tests: one sandbox per run, reset for each test."""

from collections.abc import Iterator

import pytest

from reconciler.sandbox import Sandbox
from tests.sandbox.support import NOW, Api


@pytest.fixture(scope="session")
def shared() -> Iterator[Sandbox]:
    """The sandbox that is made once."""
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def seed(shared: Sandbox) -> Iterator[Api]:
    """A fresh sandbox of the seed page's server, its clock stopped."""
    shared.reset("seed", flags=())
    shared.set_now(NOW)
    with Api(shared) as api:
        yield api


@pytest.fixture
def latest(shared: Sandbox) -> Iterator[Api]:
    """A fresh sandbox of the newest server, its clock stopped."""
    shared.reset("latest", flags=())
    shared.set_now(NOW)
    with Api(shared) as api:
        yield api
