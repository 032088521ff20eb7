"""Measure the cost of signing a page: 100 items' URLs, cold / 100 bare deterministic ECDSA signatures."""

import statistics
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.items.schema.keys import path_in_folder
from app.items.service.delivery import Audience, Delivery
from app.stores.cloudfront import UrlSigner
from bench.scale import scaled
from darkroom_shared.ids import ItemId, new_account_id, new_item_id
from darkroom_shared.times import utc_now

FIGURES = ("sign_page_vs_bare",)
_REPEATS = scaled(300)
_ITEMS = 100
_FILES = tuple(path_in_folder("3f9c0d2a41b7", 1, f"{name}") for name in ("small", "medium", "large", "fallback"))
_POLICY = b"x" * 220  # about as long as a real policy


def main() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    signer = UrlSigner("https://d111111abcdef8.cloudfront.net", "K2JCJMDEHXQW5F", pem)
    account = new_account_id()
    algorithm = ec.ECDSA(SHA256(), deterministic_signing=True)

    def page(items: list[ItemId]) -> None:
        delivery = Delivery(signer, utc_now)  # a new one has nothing cached
        delivery.sign_folders([(account, item) for item in items], Audience.OWNER)
        for item in items:
            folder = delivery.rendition_folder(account, item)
            for file in _FILES:
                folder.url(file)

    def bare(items: list[ItemId]) -> None:
        for _ in items:
            key.sign(_POLICY, algorithm)

    pages, bares = [], []
    for _ in range(_REPEATS):
        items = [new_item_id() for _ in range(_ITEMS)]
        pages.append(_seconds(page, items))
        bares.append(_seconds(bare, items))
    ratio = statistics.median(ours / baseline for ours, baseline in zip(pages, bares, strict=True))
    ours, baseline = statistics.median(pages), statistics.median(bares)
    print(f"a page of {_ITEMS} items {ours * 1e3:.2f} ms, bare signatures {baseline * 1e3:.2f} ms")
    print(f"figure sign_page_vs_bare {ratio:.3f}")


def _seconds(work: Callable[[list[ItemId]], None], items: list[ItemId]) -> float:
    """Return CPU seconds, so that other processes on the machine affect neither side."""
    started = time.process_time()
    work(items)
    return time.process_time() - started


if __name__ == "__main__":
    main()
