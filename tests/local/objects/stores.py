"""A store under test from its clients' view: an endpoint, a credential, and boto3 as an independent client."""

from dataclasses import dataclass
from typing import Any

import boto3
import httpx
from botocore.config import Config

ACCESS_KEY_ID = "AKIDOBJECTSTORE"
SECRET_ACCESS_KEY = "secret-of-the-object-store"
REGION = "eu-central-1"
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Store:
    endpoint: str

    def client(
        self,
        access_key_id: str = ACCESS_KEY_ID,
        secret_access_key: str = SECRET_ACCESS_KEY,
        session_token: str | None = None,
        **options: Any,
    ) -> Any:
        """Return boto3's client, which has no static type. `options` are botocore's."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            aws_session_token=session_token,
            config=Config(
                signature_version="s3v4",
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "total_max_attempts": 1},
                s3={"addressing_style": "path"},
                **options,
            ),
        )

    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.endpoint, timeout=30, trust_env=False)


def code_of(error: Any) -> str:
    """Return the S3 code of a ClientError, or of an httpx response with an error document."""
    if isinstance(error, httpx.Response):
        return error.text.partition("<Code>")[2].partition("</Code>")[0]
    return str(error.value.response["Error"]["Code"])
