"""The web tier's settings: a certificate that does not exist ends the start in one line."""

import pytest

from darkroom_process.settings import SettingsError, read_settings
from tests.web.servers import CDN_URL, OBJECTS_URL
from web.settings import Settings


@pytest.mark.parametrize("name", ["DARKROOM_TLS_CERTIFICATE", "DARKROOM_TLS_KEY"])
def test_a_missing_tls_file_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    valid = {
        "DARKROOM_LISTEN_PORT": "8080",
        "DARKROOM_APP_URL": "http://127.0.0.1:8000",
        "DARKROOM_CDN_URL": CDN_URL,
        "DARKROOM_S3_PUBLIC_ENDPOINT": OBJECTS_URL,
    }
    for each, value in valid.items():
        monkeypatch.setenv(each, value)
    read_settings(Settings)
    monkeypatch.setenv(name, "/no/such/file.pem")
    with pytest.raises(SettingsError, match=f"^{name} is wrong: expected a PEM file"):
        read_settings(Settings)
