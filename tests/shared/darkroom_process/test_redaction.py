"""The filter removes secrets in every shape in which they reach a log, and leaves other text unchanged."""

from html import escape
from urllib.parse import quote, quote_plus

import pytest

from darkroom_process import redaction
from darkroom_process.redaction import REMOVED, redact, without_secrets

SIGNED = (
    "http://127.0.0.1:8081/darkroom/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=canary&X-Amz-Signature=canary"
)
KEY = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----"
NAMES = [
    "Authorization",
    "Proxy-Authorization",
    "Cookie",
    "Set-Cookie",
    "Darkroom-Share",
    "Darkroom-Share-Proof",
    "X-Darkroom-Tier",
    "X-Amz-Security-Token",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "Signature",
    "Policy",
    "Key-Pair-Id",
    "grant",
    "proof",
    "password",
    "new_password",
    "token",
    "tier_secret",
    "DARKROOM_TIER_SECRET",
    "aws_secret_access_key",
    "cdn_private_key",
    "secret_key",
    "password_hash",
    "passphrase",
    "pwd",
    "requirepass",
    "password_confirmation",
    "token_text",
    "new-password-again",
]
SPACED = ["Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "password", "new_password"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", [str, str.lower, str.upper])
def test_the_value_of_a_secret_name_is_removed_in_every_shape(name: str, change: "type[str]") -> None:
    name = change(name)
    raw = name.encode()
    entry = {
        "mapping": {name: "canary"},
        "bytes_mapping": {raw: b"canary"},
        "pairs": [(name, "canary"), [raw, b"canary"]],
        "flat": [raw, b"canary", b"host", b"kept"],
        "nested": {"headers": [{"scope": {"headers": [(raw, b"canary")]}}]},
        "equals": f"{name}=canary",
        "line": f"GET / HTTP/1.1\r\nHost: kept\r\n{name}: canary\r\n\r\n",
        "line_in_bytes": f"Host: kept\r\n{name}: canary\r\n\r\n".encode(),
        "parameter": f"https://kept/path?a=b&{name}=canary&c=d",
        "encoded": f"https%3A%2F%2Fkept%2F%3F{name}%3Dcanary%26",
        "representation": repr({name: "canary canary"}),
        "bytes_representation": repr([(b"host", b"kept"), (raw, b"canary canary")]),
        "quoted": f'{name}="canary \\" canary"',
        "json": f'{{"{name}": "canary canary", "other": 1}}',
        "json_in_json": f'"{{\\"{name}\\": \\"canary \\\\\\" canary\\"}}"',
        "exception": ValueError({name: "canary"}),
        "mapping_in_text": repr({"a": 1, name: {"a": "canary}", "b": ["canary", ("canary",)], "c": "canary"}}),
        "list_in_text": repr({name: ["canary]", 'canary"', "canary"]}),
        "list_in_json": f'{{"{name}": ["canary", "canary"], "other": 1}}',
        "list_in_json_in_json": f'"{{\\"{name}\\": [\\"canary\\", \\"canary\\"]}}"',
        "pair_with_a_list_in_text": repr([(name, ["canary", b"canary"])]),
        "object_in_text": f"{name}=Cookies({{'a': 'canary'}}) {name}=<SimpleCookie: a='canary'>",
        "open_list_in_text": f"{name}: ['canary', 'canary",
        "element": f"<A><{name}>canary canary</{name}></A>",
        "escaped_element": f"&lt;{name} type=&quot;a&quot;&gt;canary canary&lt;/{name}&gt;",
        "encoded_json": quote(f'{{"{name}": "canary \\" canary", "other": 1}}'),
        "encoded_json_without_spaces": quote(f'{{"{name}":"canary"}}'),
        "json_encoded_twice": quote(quote(f'{{"{name}": "canary canary"}}')),
        "json_encoded_as_a_form": quote_plus(f'{{"{name}": "canary canary"}}'),
        "encoded_list": quote(f'{{"{name}": ["canary", "canary"]}}'),
        "json_in_html": escape(f'{{"{name}": "canary canary"}}'),
        "keyword": f"Session({name.replace('-', '_')}='canary')",
    }
    cleaned = redact(None, "info", {**entry, name: "canary"})
    assert [key for key, value in cleaned.items() if "canary" in repr(value).lower()] == []
    assert "kept" in repr(cleaned["flat"])


@pytest.mark.parametrize("name", SPACED)
def test_a_value_with_spaces_is_removed_to_the_end_of_its_line(name: str) -> None:
    assert without_secrets(f"{name}: Digest canary; b=canary, canary\nnext") == f"{name}: {REMOVED}\nnext"


@pytest.mark.parametrize(
    "text",
    [
        SIGNED,
        "https://cdn.example.com/renditions/a?Policy=canary&Signature=canary&Key-Pair-Id=canary",
        "GET /v1/items/itm_1/hls/a.m3u8?grant=canary",
        "Credential=canary/20261129/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=canary",
        "Authorization: Bearer canary.canary",
        "authorization: basic canary=",
        "the header was Bearer canary",
        "the token drs_canarycanarycanary was refused",
        "the link drl_canarycanarycanary was refused",
        "/v1/nowhere/drl_canarycanarycanary",
        "session_drs_canarycanarycanary",
        "/s%23drl_canarycanarycanary",
        "/s%2523drl_canarycanarycanary",
        "%2Fdrl_canarycanarycanary was not sent",
        repr("\ndrl_canarycanarycanary"),
        repr(b"\x00drl_canarycanarycanary"),
        "'\\u0026drl_canarycanarycanary'",
        repr(repr("\tdrs_canarycanarycanary")),
        "%0ABearer%20canary",
        repr("Host: kept\nBearer canary"),
        repr("Host: kept\r\nAuthorization: Digest canary; b=canary"),
        "x%0Acookie: kept canary",
        "password_confirmation: canary canary",
        "unlocked with dru_1764230400.canarycanary",
        "whsec_canarycanary",
        "requirepass canary",
        "--tier-secret canary --port 1",
        repr("\n--password canary"),
        "-" * 100 + "password canary",
        "--token-text canary",
        "ada.canary@example.com is taken",
        "email=ada.canary%40example.com",
        "mysql+asyncmy://root:canary@db:3306/darkroom",
        "mysql+asyncmy://root:p@ss/canary@db:3306/darkroom",
        "redis://:canary@127.0.0.1:6379/0",
        "$argon2id$v=19$m=47104,t=1,p=1$canary$canary",
        KEY,
        repr(KEY),
        repr(KEY.encode()),
        KEY.replace("PRIVATE", "EC PRIVATE").partition("-----END")[0],
    ],
)
def test_no_secret_survives_in_a_text(text: str) -> None:
    assert "canary" not in without_secrets(text)
    assert "canary" not in repr(redact(None, "info", {"event": text, "text": [text], "bytes": text.encode()}))


@pytest.mark.parametrize("name", ["SecretAccessKey", "sessionToken", "newPassword", "passwordConfirmation"])
def test_the_value_of_a_secret_name_in_camel_case_is_removed(name: str) -> None:
    text = f"<{name}>canary</{name}>"
    assert "canary" not in repr(redact(None, "info", {name: "canary", "text": text, "nested": [{name: ["canary"]}]}))


@pytest.mark.parametrize(
    "text",
    [
        "rendition.made 720p in 3.2 s",
        "itm_01M85JFWR8BPF33108WQ2WBFK6",
        "http://127.0.0.1:8081/darkroom",
        "/v1/items",
        "mysql+asyncmy://db:3306/darkroom",
        "2026-11-29T02:13:29Z",
        "ConnectionRefusedError(111, \"Connect call failed ('127.0.0.1', 6379)\")",
        "NoCredentialsError: Unable to find any",
        "a quadro_symphonic_recording, 100%",
    ],
)
def test_text_without_a_secret_is_unchanged(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize("dashes", [3, 4, 100])
def test_a_row_of_dashes_is_searched_once_for_an_argument(dashes: int) -> None:
    text = "-" * dashes + "token canary"
    starts = [start for start in range(dashes) if redaction._ARGUMENT.match(text, start)]
    assert starts == [0]


@pytest.mark.timeout(30)  # an algorithm of quadratic cost takes minutes
def test_filtering_a_huge_hostile_text_takes_linear_time() -> None:
    pieces = ("a", "@", "?a", "password=", "://", "drs_", "-----BEGIN ", "a@", "cookie", "token, '", "password=\\'")
    for piece in (*pieces, "password='\\", 'token\\\\"', "Bearer ", "tokens ", "a %40", "token=[", "token, {'"):
        without_secrets(piece * (100_000 // len(piece)))
    for piece in (
        "<token ",
        "<a",
        "token%22",
        "token=%22\\%22",
        "--token",
        "cookie=<",
        'token=("\\',
        "pwd&quot;:&quot;",
        "-",
        "--token_",
        "token_",
        "tokenA",
        "%25",
    ):
        without_secrets(piece * (100_000 // len(piece)))
