"""What a log of the web tier must never contain."""

import pytest

from web.logs import redact


@pytest.mark.parametrize(
    ("text", "remaining"),
    [
        ("GET https://cdn/renditions/a/b.webp?Policy=abc&Signature=def", "GET https://cdn/renditions/a/b.webp?…"),
        ("GET /v1/items/itm_1/hls/main.m3u8?grant=acc_1.1.ff 404", "GET /v1/items/itm_1/hls/main.m3u8?… 404"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer …"),
        ("opened by drl_abcdefgh-ijkl", "opened by …"),
        ("unlocked by dru_1764230400.0123abcd", "unlocked by …"),
        ("ada@example.com registered", "…@… registered"),
        ("/v1/items/itm_01ARZ3NDEKTSV4RRFFQ69G5FAV", "/v1/items/itm_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    ],
)
def test_signatures_tokens_and_addresses_are_removed(text: str, remaining: str) -> None:
    assert redact(None, "info", {"event": "x", "text": text})["text"] == remaining
