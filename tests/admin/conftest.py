"""What the operators' commands need in this process."""

from collections.abc import Iterator

import pytest

from tests.aws_environment import aws_credentials


@pytest.fixture(autouse=True)
def credentials() -> Iterator[None]:
    """Each command opens clients of its own, which sign with what the environment has."""
    with aws_credentials():
        yield
