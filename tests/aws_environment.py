"""Credentials for clients of AWS in this process, from where the SDK looks first."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.servers import ACCESS_KEY_ID, SECRET_ACCESS_KEY


@contextmanager
def aws_credentials(access_key_id: str = ACCESS_KEY_ID, secret_access_key: str = SECRET_ACCESS_KEY) -> Iterator[None]:
    """Let clients that are opened in this block sign with this key, whatever the machine's own configuration is."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", access_key_id)
        environment.setenv("AWS_SECRET_ACCESS_KEY", secret_access_key)
        environment.delenv("AWS_SESSION_TOKEN", raising=False)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            environment.setenv(name, os.devnull)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield
