"""What the edge refuses: unsigned objects, URLs outside their validity period, and other spellings of a path."""

import json
import re

import pytest

from tests.local.edge.place import FOLDER, ORIGINAL, OTHER_ITEM, SMALL, Edge, Response
from tests.local.edge.signing import LONG_AGO, OURS, SIGNERS, SOON, UNKNOWN_SIGNER, Signer


def folder_query(edge: Edge) -> str:
    return OURS.open(edge.url(SMALL), edge.url(f"{FOLDER}/*")).partition("?")[2]


def is_refused(response: Response, code: str = "AccessDenied") -> bool:
    return (response.status, response.code) == (403, code)


def test_without_a_signature_the_key_pair_id_is_required(edge: Edge) -> None:
    response = edge.request(edge.url(SMALL))
    assert response.status == 403
    assert response.headers["content-type"] == "text/xml"
    assert response.body == (
        b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>MissingKey</Code>'
        b"<Message>Missing Key-Pair-Id query parameter or cookie value</Message></Error>"
    )


def test_an_unknown_key_is_reported_as_such(edge: Edge) -> None:
    assert is_refused(edge.request(UNKNOWN_SIGNER.open(edge.url(SMALL))), "InvalidKey")


@pytest.mark.parametrize("key_id", ["KRSA", "KNEXT"])
def test_a_signature_is_checked_with_its_own_key_only(edge: Edge, key_id: str) -> None:
    assert is_refused(edge.request(OURS.open(edge.url(SMALL)).replace(OURS.key_id, key_id)))


@pytest.mark.parametrize("signer", SIGNERS.values(), ids=SIGNERS)
def test_an_expired_signature_opens_nothing(edge: Edge, signer: Signer) -> None:
    url = edge.url(SMALL)
    assert is_refused(edge.request(signer.canned(url, LONG_AGO)))
    assert is_refused(edge.request(signer.custom(url, signer.policy(url, before=LONG_AGO))))


def test_a_changed_expiry_invalidates_the_signature(edge: Edge) -> None:
    signed = OURS.canned(edge.url(SMALL), LONG_AGO)
    assert is_refused(edge.request(signed.replace(f"Expires={LONG_AGO}", f"Expires={SOON}")))


def test_a_url_is_refused_before_its_start_and_from_another_address(edge: Edge) -> None:
    url = edge.url(SMALL)
    assert is_refused(edge.request(OURS.custom(url, OURS.policy(url, after=SOON - 1))))
    assert is_refused(edge.request(OURS.custom(url, OURS.policy(url, viewer="192.0.2.0/24"))))


@pytest.mark.parametrize("key", [ORIGINAL, OTHER_ITEM, f"{FOLDER}2/small.webp", FOLDER, f"{FOLDER}/../item2/x"])
def test_a_changed_path_opens_nothing(edge: Edge, key: str) -> None:
    assert is_refused(edge.request(f"{edge.url(key)}?{folder_query(edge)}"))


@pytest.mark.parametrize("extra", ["&versionId=1", "&=", "&&", "&response-content-type=text/html"])
def test_a_changed_query_opens_nothing(edge: Edge, extra: str) -> None:
    assert is_refused(edge.request(OURS.canned(edge.url(SMALL)) + extra))
    assert is_refused(edge.request(OURS.open(edge.url(SMALL)) + extra))


@pytest.mark.parametrize(
    "path",
    [
        "{folder}/../../../originals/anna/item1",
        "{folder}/%2e%2e/%2e%2e/%2e%2e/originals/anna/item1",
        "{folder}/%2E%2E/item2/3f9c/1/small.webp",
        "{folder}/.%2e/item2/3f9c/1/small.webp",
        "{folder}/..%2fitem2/3f9c/1/small.webp",
        "{folder}/..%2Fitem2%2F3f9c/1/small.webp",
        "{folder}%2f3f9c/1/small.webp",
        "{folder}/..%5citem2/3f9c/1/small.webp",
        "{folder}/..\\item2/3f9c/1/small.webp",
        "{folder}/%252e%252e/item2/3f9c/1/small.webp",
        "{folder}/./3f9c/1/small.webp",
        "{folder}//3f9c/1/small.webp",
        "/{folder}/3f9c/1/small.webp",
        "{folder}/%c0%ae%c0%ae/item2/3f9c/1/small.webp",
        "{folder}/3f9c/1/small.webp%00",
        "{folder}/3f9c/1/small.webp/..",
        "{folder}/..;/item2/3f9c/1/small.webp",
        "{folder}/3f9c/1/%73mall.webp",
    ],
)
def test_no_spelling_of_a_path_escapes_a_signed_folder(edge: Edge, path: str) -> None:
    target = f"{edge.url(path.format(folder=FOLDER))}?{folder_query(edge)}"
    assert is_refused(edge.request(target))


def test_an_ambiguous_path_is_refused_even_with_a_policy_for_everything(edge: Edge) -> None:
    query = OURS.open(edge.url(SMALL), f"{edge.base_url}/*").partition("?")[2]
    assert edge.request(f"{edge.url(ORIGINAL)}?{query}").status == 200
    assert is_refused(edge.request(f"{edge.url('renditions/../' + ORIGINAL)}?{query}"))


@pytest.mark.parametrize(
    "policy",
    [
        {"Statement": [{"Condition": {"DateLessThan": {"AWS:EpochTime": SOON}}}]},
        {"Statement": [{"Resource": "", "Condition": {"DateLessThan": {"AWS:EpochTime": SOON}}}]},
        {"Statement": [{"Resource": "{url}"}]},
        {"Statement": [{"Resource": "{url}", "Condition": {}}]},
        {"Statement": [{"Resource": "{url}", "Condition": {"DateLessThan": {"AWS:EpochTime": str(SOON)}}}]},
        {"Statement": [{"Resource": "{url}", "Condition": {"DateLessThan": {"AWS:EpochTime": True}}}]},
        {"Statement": [{"Resource": "{url}", "Condition": {"DateLessThan": {"AWS:EpochTime": SOON}, "Other": {}}}]},
        {"Statement": []},
        {},
        [],
    ],
)
def test_a_signed_policy_without_resource_or_expiry_opens_nothing(edge: Edge, policy: object) -> None:
    url = edge.url(SMALL)
    document = json.dumps(policy, separators=(",", ":")).replace("{url}", url)
    response = edge.request(OURS.custom(url, document))
    assert response.status == 403
    assert response.code in ("MalformedPolicy", "AccessDenied")


def test_a_policy_with_two_resources_opens_neither(edge: Edge) -> None:
    url = edge.url(SMALL)
    doubled = OURS.policy(url).replace('"Resource"', f'"Resource":"{edge.base_url}/*","Resource"')
    assert is_refused(edge.request(OURS.custom(url, doubled)), "MalformedPolicy")


def test_a_policy_of_another_host_or_scheme_opens_nothing_here(edge: Edge) -> None:
    for other in ("http://127.0.0.2", "https://127.0.0.1", edge.base_url.replace("http:", "https:")):
        assert is_refused(edge.request(OURS.open(edge.url(SMALL), f"{other}/*")))


@pytest.mark.parametrize(
    ("pattern", "becomes"),
    [
        (r"&Signature=[^&]*", ""),
        (r"&Signature=[^&]*", "&Signature="),
        (r"Signature=", "Signature=A"),
        (r"Signature=", "signature="),
        (r"(Signature=[^&]*)", r"\1&\1"),
        (r"Policy=", "Policy=!"),
        (r"Policy=[^&]*&", ""),
        (r"(Policy=)", rf"Expires={SOON}&\1"),
        (r"&Hash-Algorithm=SHA256", ""),
        (r"SHA256", "SHA1"),
        (r"SHA256", "MD5"),
        (r"&Key-Pair-Id=[^&]*", "&Key-Pair-Id="),
    ],
)
def test_a_signature_with_changed_parameters_opens_nothing(edge: Edge, pattern: str, becomes: str) -> None:
    signed = OURS.open(edge.url(SMALL))
    touched = re.sub(pattern, becomes, signed, count=1)
    assert touched != signed
    assert edge.request(touched).status == 403


def test_a_policy_with_another_encoding_is_refused(edge: Edge) -> None:
    """Otherwise one signature would have many URLs: base64 has unused bits at its end, which decoders ignore."""
    url = edge.url(SMALL)
    policy = OURS.policy(url)
    policy += " " * ((1 - len(policy)) % 3)
    signed = OURS.custom(url, policy)
    assert edge.request(signed).status == 200
    encoded = signed.partition("Policy=")[2].partition("&")[0]
    respelled = f"{encoded[:-3]}{chr(ord(encoded[-3]) + 1)}__"
    assert encoded.endswith("__")
    assert is_refused(edge.request(signed.replace(encoded, respelled)), "MalformedPolicy")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "TRACE"])
def test_methods_other_than_reads_are_refused(edge: Edge, method: str) -> None:
    assert is_refused(edge.request(OURS.open(edge.url(SMALL)), method), "MethodNotAllowed")


def test_an_absent_object_equals_a_forbidden_one(edge: Edge) -> None:
    response = edge.request(OURS.open(edge.url(f"{FOLDER}/none")))
    assert is_refused(response)
    assert response.body == edge.request(OURS.canned(edge.url(SMALL), LONG_AGO)).body


def test_a_url_over_cloudfronts_length_limit_is_refused(edge: Edge) -> None:
    assert is_refused(edge.request(OURS.open(edge.url(SMALL), f"{edge.base_url}/*") + "&x=" + "y" * 8192))


def test_the_bucket_itself_is_not_listed(edge: Edge) -> None:
    for target in ("/", "/?list-type=2"):
        query = OURS.open(edge.url(SMALL), f"{edge.base_url}/*").partition("?")[2]
        joined = f"{edge.base_url}{target}{'&' if '?' in target else '?'}{query}"
        assert is_refused(edge.request(joined))
