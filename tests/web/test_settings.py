"""The web tier's settings: what is wrong ends the start in one line."""

import pytest

from darkroom_process.settings import SettingsError, read_settings
from tests.web.servers import BUCKET, CDN_URL, OBJECTS_URL, REGION
from web.settings import Settings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A complete and valid environment."""
    valid = {
        "DARKROOM_LISTEN_PORT": "8080",
        "DARKROOM_APP_URL": "http://127.0.0.1:8000",
        "DARKROOM_CDN_URL": CDN_URL,
        "DARKROOM_S3_PUBLIC_ENDPOINT": OBJECTS_URL,
        "DARKROOM_BUCKET": BUCKET,
        "DARKROOM_TRUSTED_PROXIES": "10.0.0.0/16",
        "AWS_REGION": REGION,
    }
    for each, value in valid.items():
        monkeypatch.setenv(each, value)
    return monkeypatch


@pytest.mark.parametrize("name", ["DARKROOM_TLS_CERTIFICATE", "DARKROOM_TLS_KEY"])
def test_a_missing_tls_file_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    read_settings(Settings)
    environment.setenv(name, "/no/such/file.pem")
    with pytest.raises(SettingsError, match=f"^{name} is wrong: expected a PEM file"):
        read_settings(Settings)


@pytest.mark.parametrize(
    ("text", "networks"),
    [("none", ""), ("10.0.0.0/16, 10.1.0.7", "10.0.0.0/16, 10.1.0.7"), ("fd00::/8", "fd00::/8")],
)
def test_the_trusted_proxies_are_networks_or_none(environment: pytest.MonkeyPatch, text: str, networks: str) -> None:
    environment.setenv("DARKROOM_TRUSTED_PROXIES", text)
    assert read_settings(Settings).trusted_proxies == networks


@pytest.mark.parametrize(("text", "state"), [("", "missing"), ("*", "wrong"), ("10.0.0.0/8,balancer", "wrong")])
def test_the_trusted_proxies_have_no_default(environment: pytest.MonkeyPatch, text: str, state: str) -> None:
    environment.setenv("DARKROOM_TRUSTED_PROXIES", text)
    with pytest.raises(SettingsError, match=f"^DARKROOM_TRUSTED_PROXIES is {state}: expected addresses"):
        read_settings(Settings)
