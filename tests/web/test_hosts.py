"""The web tier serves only its own hosts, so that a page on a rebound DNS name cannot act as the user."""

import httpx
import pytest
from pydantic import AnyHttpUrl, ValidationError

from tests.web.servers import BUCKET, CDN_URL, OBJECTS_URL, REGION, serving_web
from web.settings import Settings


@pytest.mark.parametrize("path", ["/", "/v1/echo", "/healthz", "/readyz"])
def test_an_unknown_host_is_refused_with_a_problem(app_url: str, path: str) -> None:
    with serving_web(app_url, allowed_hosts="photos.example.com") as url, httpx.Client(base_url=url) as client:
        refused = client.get(path, headers={"Host": "rebound.example.org"})
        allowed = client.get(path, headers={"Host": "photos.example.com"})
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
    assert refused.json()["type"] == "urn:darkroom:problem:bad-request"
    assert "content-security-policy" in refused.headers
    assert allowed.status_code == 200


def test_a_load_balancer_checks_health_by_address_and_reaches_nothing_else(app_url: str) -> None:
    with serving_web(app_url, allowed_hosts="photos.example.com") as url, httpx.Client(base_url=url) as client:
        responses = [
            client.get(path, headers={"Host": "10.1.2.3:8080"}).status_code for path in ("/healthz", "/v1/echo")
        ]
    assert responses == [200, 400]


def test_listening_on_every_interface_requires_explicit_hosts() -> None:
    with pytest.raises(ValidationError, match="must name the hosts"):
        Settings(
            listen_host="0.0.0.0",  # noqa: S104 - the test expects the refusal
            listen_port=8080,
            app_url=AnyHttpUrl("http://127.0.0.1:8000"),
            cdn_url=AnyHttpUrl(CDN_URL),
            s3_public_endpoint=OBJECTS_URL,
            bucket=BUCKET,
            trusted_proxies="none",
            AWS_REGION=REGION,
        )
