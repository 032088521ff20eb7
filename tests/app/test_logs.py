"""The log filter removes signed URLs, tokens, passwords and addresses, and leaves other text unchanged."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from app.logs import REMOVED, without_secrets
from tests.written_logs import written_logs

SIGNED = (
    "http://127.0.0.1:8081/darkroom/originals/acc_1/itm_1"
    "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=canary&X-Amz-Signature=canary"
)


@pytest.fixture
def written() -> Iterator[StringIO]:
    with written_logs() as stream:
        yield stream


@pytest.mark.parametrize(
    "text",
    [
        SIGNED,
        "https://cdn.example.com/renditions/a?Policy=canary&Signature=canary&Key-Pair-Id=canary",
        "GET /v1/items/itm_1/hls/a.m3u8?grant=canary",
        "Authorization: Bearer canary.canary",
        "authorization: basic canary=",
        "the token drs_canarycanarycanary was refused",
        "the link drl_canarycanarycanary was refused",
        "unlocked with dru_1764230400.canarycanary",
        "Darkroom-Share: canary",
        "darkroom-share-proof=canary",
        "password='canary'",
        '{"password": "canary"}',
        "ada.canary@example.com is taken",
        "mysql+asyncmy://root:canary@db:3306/darkroom",
        "$argon2id$v=19$m=47104,t=1,p=1$canary$canary",
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
    ],
)
def test_no_secret_survives_in_a_text(text: str) -> None:
    assert "canary" not in without_secrets(text)


@pytest.mark.parametrize(
    "text",
    ["rendition.made 720p in 3.2 s", "itm_01M85JFWR8BPF33108WQ2WBFK6", "http://127.0.0.1:8081/darkroom", "/v1/items"],
)
def test_text_without_a_secret_is_unchanged(text: str) -> None:
    assert without_secrets(text) == text


def test_every_value_of_an_entry_is_cleaned_at_any_depth(written: StringIO) -> None:
    structlog.get_logger().info(
        "thing.done",
        url=SIGNED,
        cookie="canary",
        darkroom_share="canary",
        nested={"list": [SIGNED, {"email": "canary"}]},
        error=ValueError("Bearer canary"),
        size_bytes=7,
        missing=None,
    )

    entry = json.loads(written.getvalue())
    assert "canary" not in written.getvalue()
    assert (entry["event"], entry["cookie"], entry["size_bytes"], entry["missing"]) == ("thing.done", REMOVED, 7, None)


def test_other_packages_entries_and_tracebacks_pass_the_filter_too(written: StringIO) -> None:
    try:
        raise ValueError(SIGNED)
    except ValueError:
        logging.getLogger("elsewhere").exception("for %s", "ada.canary@example.com")

    entry = json.loads(written.getvalue())
    assert "canary" not in written.getvalue()
    assert "ValueError" in entry["exception"]


@pytest.mark.timeout(30)  # an algorithm of quadratic cost takes minutes
def test_filtering_a_huge_hostile_text_takes_linear_time() -> None:
    for piece in ("a", "@", "?a", "password=", "://", "drs_", "-----BEGIN ", "a@"):
        without_secrets(piece * (200_000 // len(piece)))
