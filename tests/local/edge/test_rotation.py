"""Keys are added and removed while the edge runs: both are valid in between, the retired key no longer afterwards."""

import asyncio
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from local.edge.key_group import POLL_SECONDS
from tests.local.edge.place import ACCESS_KEY_ID, BUCKET, SECRET_ACCESS_KEY, SMALL, Edge
from tests.local.edge.signing import OURS, UNKNOWN_SIGNER, Signer
from tests.servers import edge_command, free_port, running


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    OURS.publish(folder)
    return folder


@pytest.fixture
def edge(keys: Path, origin: str) -> Iterator[Edge]:
    base_url = f"http://127.0.0.1:{free_port()}"
    with running(edge_command(base_url, keys, origin, BUCKET, ACCESS_KEY_ID, SECRET_ACCESS_KEY), "server.ready"):
        yield Edge(base_url)


def a_new_key() -> Signer:
    return Signer("KROTATED", ec.generate_private_key(ec.SECP256R1()), "SHA256")


async def test_both_keys_are_valid_until_the_old_one_is_retired(edge: Edge, keys: Path) -> None:
    new = a_new_key()
    by_old, by_new = OURS.open(edge.url(SMALL)), new.open(edge.url(SMALL))
    assert (edge.request(by_old).status, edge.request(by_new).code) == (200, "InvalidKey")
    new.publish(keys)
    assert (edge.request(by_new).status, edge.request(by_old).status) == (200, 200)
    (keys / f"{OURS.key_id}.pem").unlink()
    async with asyncio.timeout(POLL_SECONDS + 60):
        while (await asyncio.to_thread(edge.request, by_old)).status == 200:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.2)
    assert (edge.request(by_old).status, edge.request(by_new).status) == (403, 200)


def test_urls_of_a_new_key_are_accepted_beside_unknown_keys(edge: Edge, keys: Path) -> None:
    new = a_new_key()
    unknown_urls, own_urls = UNKNOWN_SIGNER.open(edge.url(SMALL)), new.open(edge.url(SMALL))
    edge.request(unknown_urls)
    new.publish(keys)
    with ThreadPoolExecutor(12) as browser:
        responses = list(browser.map(edge.request, [unknown_urls, *[own_urls] * 10, unknown_urls]))
    assert [response.status for response in responses] == [403, *[200] * 10, 403]


async def test_a_file_without_a_key_is_ignored(edge: Edge, keys: Path) -> None:
    (keys / "KBROKEN.pem").write_text("no key")
    new = a_new_key()
    new.publish(keys)
    assert edge.request(new.open(edge.url(SMALL))).code == "InvalidKey"
    assert edge.request(OURS.open(edge.url(SMALL))).status == 200
    (keys / "KBROKEN.pem").unlink()
    assert edge.request(new.open(edge.url(SMALL))).status == 200


def test_known_keys_stay_valid_if_their_folder_disappears(edge: Edge, keys: Path) -> None:
    shutil.rmtree(keys)
    assert edge.request(UNKNOWN_SIGNER.open(edge.url(SMALL))).status == 403
    assert edge.request(OURS.open(edge.url(SMALL))).status == 200
