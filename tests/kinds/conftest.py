"""One sandbox for all tests of the kinds; each test begins it anew."""

from collections.abc import Iterator

import pytest

from reconciler.sandbox import Sandbox


@pytest.fixture(scope="session")
def oracle() -> Iterator[Sandbox]:
    """A server that remembers every message it would have sent."""
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()
