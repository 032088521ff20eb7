"""Requests signed as our own processes sign them, for requests that no AWS client would send."""

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.servers import ACCESS_KEY_ID, SECRET_ACCESS_KEY

REGION = "us-east-1"


def signed_headers(
    method: str,
    url: str,
    body: bytes,
    service: str,
    headers: dict[str, str] | None = None,
    access_key_id: str = ACCESS_KEY_ID,
    secret_access_key: str = SECRET_ACCESS_KEY,
) -> dict[str, str]:
    request = AWSRequest(method, url, data=body, headers=headers or {})
    SigV4Auth(Credentials(access_key_id, secret_access_key), service, REGION).add_auth(request)
    return dict(request.headers.items())


def control_faults(
    method: str,
    endpoint: str,
    body: bytes,
    service: str,
    access_key_id: str = ACCESS_KEY_ID,
    secret_access_key: str = SECRET_ACCESS_KEY,
) -> httpx.Response:
    """Read or replace a stand-in's plan of faults."""
    url = f"{endpoint}/__faults"
    headers = signed_headers(method, url, body, service, {}, access_key_id, secret_access_key)
    return httpx.request(method, url, content=body, headers=headers, timeout=60)
