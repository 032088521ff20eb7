"""Our signer compared with botocore's: the same bytes, in every process, for any object key."""

import json
import subprocess
import sys
from base64 import b64decode
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import pytest
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from hypothesis import given
from hypothesis import strategies as st

from app.stores.cloudfront import UrlSigner

BASE_URL, KEY_ID = "https://d111111abcdef8.cloudfront.net", "K2JCJMDEHXQW5F"
FOLDER = "renditions/acc_01J0000000000000000000000A/itm_01J0000000000000000000000B"
END = datetime(2026, 11, 24, 10, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def pem_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


SIGNER = UrlSigner(BASE_URL, KEY_ID, pem_of(KEY))


def parameters(url: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in urlsplit(url).query.split("&"))


def policy_in(url: str) -> bytes:
    return b64decode(parameters(url)["Policy"].translate(str.maketrans("-_~", "+=/")))


def botocores(sign: object, url: str, resource: str) -> str:
    signer = CloudFrontSigner(KEY_ID, sign)
    signed: str = signer.generate_presigned_url(url, policy=signer.build_policy(resource, END))
    return signed


def sign_with_p256(message: bytes) -> bytes:
    return KEY.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))


def test_a_signed_file_of_a_folder_equals_botocores_with_the_same_key() -> None:
    ours = SIGNER.sign_folder(FOLDER, expires_at=END).url("3f9c/1/small.webp")
    other = botocores(sign_with_p256, f"{BASE_URL}/{FOLDER}/3f9c/1/small.webp", f"{BASE_URL}/{FOLDER}/*")
    assert ours == f"{other}&Hash-Algorithm=SHA256"


def test_a_signed_object_equals_botocores_with_the_same_key() -> None:
    url = f"{BASE_URL}/originals/acc/item"
    assert SIGNER.sign_object("originals/acc/item", expires_at=END) == (
        f"{botocores(sign_with_p256, url, url)}&Hash-Algorithm=SHA256"
    )


def test_the_policy_equals_the_one_that_botocore_signs_with_an_rsa_key() -> None:
    key = rsa.generate_private_key(65537, 2048)
    url = f"{BASE_URL}/originals/acc/item"
    other = botocores(lambda message: key.sign(message, padding.PKCS1v15(), SHA1()), url, url)  # noqa: S303
    assert policy_in(SIGNER.sign_object("originals/acc/item", expires_at=END)) == policy_in(other)


def test_the_signature_verifies_against_the_policy() -> None:
    url = SIGNER.sign_object("originals/acc/item", expires_at=END)
    signature = b64decode(parameters(url)["Signature"].translate(str.maketrans("-_~", "+=/")))
    KEY.public_key().verify(signature, policy_in(url), ec.ECDSA(SHA256()))
    assert json.loads(policy_in(url)) == {
        "Statement": [
            {
                "Resource": f"{BASE_URL}/originals/acc/item",
                "Condition": {"DateLessThan": {"AWS:EpochTime": int(END.timestamp())}},
            }
        ]
    }


def test_every_process_issues_the_same_url() -> None:
    program = f"""
from datetime import datetime
from sys import stdin
from app.stores.cloudfront import UrlSigner
signer = UrlSigner({BASE_URL!r}, {KEY_ID!r}, stdin.read())
print(signer.sign_folder({FOLDER!r}, expires_at=datetime.fromisoformat({END.isoformat()!r})).url("3f9c/1/small.webp"))
"""
    done = subprocess.run(  # noqa: S603 - our own program; stdin hides the key from the process list
        [sys.executable, "-c", program], input=pem_of(KEY), capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == SIGNER.sign_folder(FOLDER, expires_at=END).url("3f9c/1/small.webp")


def test_all_files_of_a_folder_share_one_signature() -> None:
    folder = SIGNER.sign_folder(FOLDER, expires_at=END)
    assert {urlsplit(folder.url(file)).query for file in ("a", "b/c", "ä")} == {folder.query}


@given(
    folder=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    file=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
)
def test_any_key_is_escaped_into_one_url_without_wildcards(folder: str, file: str) -> None:
    signed = SIGNER.sign_folder(folder, expires_at=END)
    path = signed.url(file).removeprefix(f"{BASE_URL}/").partition("?")[0]
    assert unquote(path) == f"{folder}/{file}"
    resource = json.loads(policy_in(signed.url(file)))["Statement"][0]["Resource"]
    assert resource == f"{signed.address}*"
    assert not set('*?#"\\ ') & set(signed.address.removeprefix(BASE_URL))


def test_a_trailing_slash_of_the_base_url_makes_no_difference() -> None:
    other = UrlSigner(f"{BASE_URL}/", KEY_ID, pem_of(KEY))
    assert other.sign_object("a", expires_at=END) == SIGNER.sign_object("a", expires_at=END)


@pytest.mark.parametrize(
    "key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())], ids=["rsa", "p384"]
)
def test_another_type_of_key_is_refused_at_the_start(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    with pytest.raises(ValueError, match="P-256"):
        UrlSigner(BASE_URL, KEY_ID, pem_of(key))
