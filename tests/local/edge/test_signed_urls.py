"""What a signature opens: all key types and hashes, canned and custom policies, two independent signers."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from app.stores.cloudfront import UrlSigner
from tests.local.edge.place import BODIES, FOLDER, ODD, ORIGINAL, OTHER_ACCOUNT, OTHER_ITEM, SMALL, Edge
from tests.local.edge.signing import LONG_AGO, OURS, SIGNERS, SOON, Signer

AWS = Path(sys.executable).with_name("aws")


@pytest.fixture
def ours(edge: Edge) -> UrlSigner:
    return UrlSigner(edge.base_url, OURS.key_id, OURS.private_pem())


def in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture(params=SIGNERS)
def signer(request: pytest.FixtureRequest) -> Signer:
    return SIGNERS[request.param]


def test_a_custom_policy_opens_the_resources_it_names(edge: Edge, signer: Signer) -> None:
    response = edge.request(signer.open(edge.url(SMALL), edge.url(f"{FOLDER}/*")))
    assert (response.status, response.body) == (200, BODIES[SMALL])


def test_a_canned_policy_opens_its_one_url(edge: Edge, signer: Signer) -> None:
    response = edge.request(signer.canned(edge.url(ORIGINAL)))
    assert (response.status, response.body) == (200, BODIES[ORIGINAL])


def test_our_signature_of_a_folder_opens_each_of_its_files(edge: Edge, ours: UrlSigner) -> None:
    folder = ours.sign_folder(FOLDER, expires_at=in_an_hour())
    for key in (SMALL, ODD):
        response = edge.request(folder.url(key.removeprefix(f"{FOLDER}/")))
        assert (response.status, response.body) == (200, BODIES[key])


def test_our_signature_of_an_original_opens_it(edge: Edge, ours: UrlSigner) -> None:
    response = edge.request(ours.sign_object(ORIGINAL, expires_at=in_an_hour()))
    assert (response.status, response.body) == (200, BODIES[ORIGINAL])


@pytest.mark.parametrize("key", [ORIGINAL, OTHER_ITEM, OTHER_ACCOUNT])
def test_our_signature_of_a_folder_opens_nothing_outside_it(edge: Edge, ours: UrlSigner, key: str) -> None:
    query = ours.sign_folder(FOLDER, expires_at=in_an_hour()).query
    assert edge.request(f"{edge.url(key)}?{query}").code == "AccessDenied"


def test_our_signature_of_an_original_opens_no_other_file(edge: Edge, ours: UrlSigner) -> None:
    query = ours.sign_object(ORIGINAL, expires_at=in_an_hour()).partition("?")[2]
    assert edge.request(f"{edge.url(SMALL)}?{query}").code == "AccessDenied"


@pytest.mark.parametrize(
    "conditions",
    [[], ["--date-greater-than", str(LONG_AGO)], ["--ip-address", "127.0.0.0/8"]],
    ids=["canned", "not-before", "address"],
)
def test_the_edge_accepts_urls_signed_by_the_aws_command(
    edge: Edge, tmp_path: Path, offline_environment: dict[str, str], conditions: list[str]
) -> None:
    signer = SIGNERS["rsa-sha1"]
    (tmp_path / "key.pem").write_text(signer.private_pem())
    signed = subprocess.run(  # noqa: S603 - the installed command
        [AWS, "cloudfront", "sign", "--url", edge.url(ORIGINAL), "--key-pair-id", signer.key_id,
         "--private-key", f"file://{tmp_path}/key.pem", "--date-less-than", str(SOON), *conditions],
        env=offline_environment, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    response = edge.request(signed)
    assert (response.status, response.body) == (200, BODIES[ORIGINAL])


def test_a_url_is_accepted_after_its_start_and_from_its_address(edge: Edge) -> None:
    policy = OURS.policy(edge.url(SMALL), after=LONG_AGO, viewer="127.0.0.1")
    assert edge.request(OURS.custom(edge.url(SMALL), policy)).status == 200


def test_a_signed_query_is_accepted_and_not_forwarded_to_the_origin(edge: Edge) -> None:
    url = f"{edge.url(SMALL)}?response-content-type=text/html&versionId=7"
    for signed in (OURS.canned(url), OURS.open(url)):
        response = edge.request(signed)
        assert (response.status, response.headers["content-type"]) == (200, "image/webp")


def test_escapes_in_a_signed_url_name_the_object_itself(edge: Edge) -> None:
    response = edge.request(OURS.canned(edge.url(quote(ODD))))
    assert (response.status, response.body) == (200, BODIES[ODD])


def test_the_parameters_of_a_signature_may_be_escaped(edge: Edge) -> None:
    """Some libraries, such as Python's urllib, escape the `~` of CloudFront's alphabet."""
    address, _, query = OURS.open(edge.url(SMALL)).partition("?")
    pairs = [pair.partition("=") for pair in query.split("&")]
    escaped = "&".join(f"{name}={quote(value, safe='').replace('~', '%7E')}" for name, _, value in pairs)
    assert edge.request(f"{address}?{escaped}").status == 200
