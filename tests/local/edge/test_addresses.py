"""A rendition's signed URL never opens another object, whatever its path; wildcards match like CloudFront's."""

import re
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from app.stores.cloudfront import UrlSigner
from local.edge.access import AccessCheck
from local.edge.address import read_address
from local.edge.errors import Refused
from local.edge.key_group import KeyGroup
from local.edge.resources import covers
from tests.local.edge.place import FOLDER, ORIGINAL, SMALL
from tests.local.edge.signing import ELLIPTIC, OURS

BASE_URL = "https://d111111abcdef8.cloudfront.net"
NOW, END = datetime(2026, 11, 24, 9, tzinfo=UTC), datetime(2026, 11, 24, 10, tzinfo=UTC)
ACCESS = AccessCheck(BASE_URL, KeyGroup({OURS.key_id: ELLIPTIC.public_key()}), lambda: NOW)
SIGNED = UrlSigner(BASE_URL, OURS.key_id, OURS.private_pem()).sign_folder(FOLDER, expires_at=END)

SEGMENTS = st.sampled_from(
    ["renditions", "originals", "anna", "bert", "item1", "item2", "3f9c", "small.webp", "", ".", "..", "...", "%2e%2e",
     "%2E.", ".%2e", "..%2f", "%2f..%2f", "..%5c", "..\\", "%252e%252e", "..;", "*", "?", "%3f", "%2a", "#", "%23",
     "%00", "%c0%ae", "%ef%bc%8f", "%e2%80%a6", "%", "%2", "%zz", " ", "+", "&", "=", "~", "ä", "\u2024\u2024"]
)  # fmt: skip
TAILS = st.lists(SEGMENTS | st.text(max_size=6), max_size=7).map("/".join)
PATHS = (
    TAILS.map(lambda tail: f"/{FOLDER}/{tail}")
    | TAILS.map(lambda tail: f"/{FOLDER}{tail}")
    | TAILS.map(lambda tail: f"/{tail}")
    | st.just(f"/{ORIGINAL}")
)


def opened_key(path: str, query: str) -> str | None:
    """Return the key that the edge requests from the origin, or None if the edge refuses."""
    try:
        address = read_address(path.encode(), query.encode())
        ACCESS.require_allowed(address, "192.0.2.1")
    except Refused:
        return None
    return address.key


@given(path=PATHS, before=TAILS, after=TAILS)
@example(path=f"/{FOLDER}/../../../{ORIGINAL}", before="", after="")
@example(path=f"/{FOLDER}/%2e%2e/item2/small.webp", before="", after="")
@example(path=f"/{ORIGINAL}", before=f"x=/{FOLDER}/", after="")
def test_a_renditions_signature_never_opens_an_original_or_another_item(path: str, before: str, after: str) -> None:
    queries = (SIGNED.query, f"{before}&{SIGNED.query}&{after}")
    for key in (opened_key(path, query) for query in queries):
        if key is not None:
            assert key.startswith(f"{FOLDER}/")
            assert not {".", "..", ""} & set(key.split("/")[:-1])
            assert key.rpartition("/")[2] not in (".", "..")
            assert "\\" not in key
            assert "%" not in key


@given(file=st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=40))
def test_a_signed_file_of_any_plain_name_opens_exactly_its_own_key(file: str) -> None:
    # Our keys never have such names; two parsers could read them as two different keys.
    assume(not {"", ".", ".."} & set(file.split("/")) and "%" not in file and "\\" not in file)
    path, _, query = SIGNED.url(file).removeprefix(BASE_URL).partition("?")
    assert opened_key(path, query) == f"{FOLDER}/{file}"


@given(
    path=st.text("/.%25EFaZ~\\ ä\0", max_size=12).map(lambda text: f"/{text}"), query=st.text("&=%2Policy", max_size=12)
)
def test_a_url_is_refused_or_decodes_to_exactly_one_key(path: str, query: str) -> None:
    try:
        address = read_address(path.encode(), query.encode())
    except Refused:
        return
    assert address.key == unquote(path[1:])
    assert unquote(address.key) == address.key
    assert not {"", ".", ".."} & set(address.key.split("/")[:-1])


@pytest.mark.parametrize(("now", "open_"), [(END.replace(minute=0), False), (NOW.replace(minute=59, second=59), True)])
def test_a_url_is_valid_until_its_last_second(now: datetime, open_: bool) -> None:
    access = AccessCheck(BASE_URL, KeyGroup({OURS.key_id: ELLIPTIC.public_key()}), lambda: now)
    path, _, query = SIGNED.url(SMALL.removeprefix(f"{FOLDER}/")).removeprefix(BASE_URL).partition("?")
    address = read_address(path.encode(), query.encode())
    if open_:
        access.require_allowed(address, "192.0.2.1")
    else:
        with pytest.raises(Refused):
            access.require_allowed(address, "192.0.2.1")


@given(pattern=st.text("ab/*?", max_size=12), path=st.text("ab/", max_size=12))
def test_wildcards_match_like_an_equivalent_regular_expression(pattern: str, path: str) -> None:
    obvious = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    expected = re.fullmatch(obvious, path) is not None
    assert covers(f"{BASE_URL}/{pattern}", BASE_URL, f"/{path}", "") == expected


@pytest.mark.parametrize(
    ("resource", "target", "covered"),
    [
        (f"{BASE_URL}/a/*", "/a/b", True),
        (f"{BASE_URL}/a/*", "/a/b/c?size=1", True),
        (f"{BASE_URL}/a/*", "/ab", False),
        (f"{BASE_URL}/a", "/a?size=1", False),
        (f"{BASE_URL}/a?size=1", "/a?size=1", True),
        (f"{BASE_URL}/a?size=1", "/a?size=2", False),
        (f"{BASE_URL}/a?size=*", "/a?size=2&more=3", True),
        (f"{BASE_URL}/a?b", "/axb", True),
        ("http*://*/a/*", "/a/b", True),
        ("https://*.cloudfront.net/a", "/a", True),
        ("https://*/a", "/b/https://x/a", False),
        ("https://d111111abcdef8.cloudfront.net.example/*", "/a", False),
        ("https://*", "/a", False),
        ("/a", "/a", False),
        ("", "/a", False),
    ],
)
def test_a_wildcard_matches_within_its_part_of_the_url_only(resource: str, target: str, covered: bool) -> None:
    path, _, query = target.partition("?")
    assert covers(resource, BASE_URL, path, query) is covered


def test_matching_a_hostile_pattern_takes_linear_time() -> None:
    """A backtracking matcher would need years."""
    assert not covers(f"{BASE_URL}/{'*a' * 500}", BASE_URL, f"/{'a' * 499}", "")
