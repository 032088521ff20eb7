"""Checksums match their published check values, and the chunked encoding decodes at any chunk boundaries."""

import hashlib
import hmac
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.objects.checksums import new_hasher
from local.objects.chunked import SIGNED, SIGNED_WITH_TRAILER, UNSIGNED_WITH_TRAILER, ChunkedDecoder
from local.objects.errors import S3Error
from local.objects.signatures import Identity

CHECK = b"123456789"


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        # "check" of the catalogue of parametrised CRC algorithms, https://reveng.sourceforge.io/crc-catalogue/all.htm
        ("CRC32", "cbf43926"),
        ("CRC32C", "e3069283"),
        ("CRC64NVME", "ae8b14860a799888"),
        ("SHA1", hashlib.sha1(CHECK, usedforsecurity=False).hexdigest()),
        ("SHA256", hashlib.sha256(CHECK).hexdigest()),
    ],
)
def test_a_checksum_has_its_published_value_at_any_chunk_boundaries(algorithm: str, value: str) -> None:
    hasher = new_hasher(algorithm)
    hasher.update(CHECK[:4])
    hasher.update(memoryview(CHECK)[4:])
    assert hasher.digest().hex() == value


# The example of https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html: 65 KB + 1 KB of "a".
EXAMPLE_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
EXAMPLE_SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
EXAMPLE_CHUNKS = (
    (b"a" * 65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
    (b"a" * 1_024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
    (b"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
)


def example_identity(payload: str) -> Identity:
    key = f"AWS4{EXAMPLE_SECRET}".encode()
    for part in ("20130524", "us-east-1", "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    scope = "20130524/us-east-1/s3/aws4_request"
    return Identity("us-east-1", payload, "20130524T000000Z", scope, EXAMPLE_SEED, key)


def example_bytes() -> bytes:
    return b"".join(
        b"%x;chunk-signature=%b\r\n%b\r\n" % (len(data), signature.encode(), data) for data, signature in EXAMPLE_CHUNKS
    )


def decoded(decoder: ChunkedDecoder, pieces: Iterator[bytes]) -> bytes:
    whole = b"".join(bytes(part) for piece in pieces for part in decoder.decode(piece))
    decoder.finish()
    return whole


def test_the_published_example_of_signed_chunks_is_accepted() -> None:
    payload = decoded(ChunkedDecoder(example_identity(SIGNED)), iter([example_bytes()]))
    assert payload == b"a" * 66_560


def test_a_changed_byte_in_a_signed_chunk_is_refused() -> None:
    changed = example_bytes().replace(b"aaaa", b"aaab", 1)
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        decoded(ChunkedDecoder(example_identity(SIGNED)), iter([changed]))


def test_a_missing_chunk_is_refused() -> None:
    first, second, last = example_bytes().partition(b"400;")
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        decoded(ChunkedDecoder(example_identity(SIGNED)), iter([first + last[last.index(b"\r\n0;") + 2 :]]))
    assert second


def test_a_trailer_without_a_signature_is_refused() -> None:
    sent = example_bytes()[:-2] + b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        decoded(ChunkedDecoder(example_identity(SIGNED_WITH_TRAILER)), iter([sent]))


def test_a_truncated_body_is_incomplete() -> None:
    with pytest.raises(S3Error, match="IncompleteBody"):
        decoded(ChunkedDecoder(example_identity(SIGNED)), iter([example_bytes()[:-2]]))


@given(chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=5), cuts=st.lists(st.integers(0, 300)))
def test_chunks_are_decoded_at_any_read_boundaries(chunks: list[bytes], cuts: list[int]) -> None:
    sent = (
        b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nx-amz-checksum-crc32: v \r\n\r\n"
    )
    edges = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    decoder = ChunkedDecoder(example_identity(UNSIGNED_WITH_TRAILER))
    pieces = (sent[start:end] for start, end in pairwise(edges))
    assert decoded(decoder, pieces) == b"".join(chunks)
    assert decoder.trailers == {"x-amz-checksum-crc32": "v"}
