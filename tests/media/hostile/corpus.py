"""All malicious files by name; each is built on request and always the same."""

from collections.abc import Callable
from functools import partial

from tests.media.hostile import containers, disguises, images, videos
from tests.media.hostile.containers import avif, heic
from tests.media.hostile.trap import Trap
from tests.media.sample_images import sample

OFFSETS = 20
CUT = {
    "cut.jpg": lambda: sample("progressive.jpg").read_bytes(),
    "cut.heic": heic,
    "cut.avif": avif,
    "cut.mp4": partial(videos.video, "mp4"),
    "cut.mkv": partial(videos.video, "mkv"),
}

FORMATS: dict[str, Callable[[Trap], dict[str, bytes]]] = {
    "png": lambda _: images.pngs(),
    "jpeg": lambda _: images.jpegs(),
    "gif": lambda _: images.gifs(),
    "webp": lambda _: images.webps(),
    "tiff": lambda _: images.tiffs(),
    "boxed images": lambda _: containers.images(),
    "mp4": containers.videos,
    "videos": videos.videos,
    "matroska": lambda _: containers.matroskas(),
    "playlists": disguises.playlists,
    "drawings": disguises.drawings,
    "archives": lambda _: disguises.archives(),
    "polyglots": disguises.polyglots,
    "fragments": lambda _: disguises.fragments(),
    **{f"{name} at {OFFSETS} offsets": partial(lambda whole, _: cut(whole()), whole) for name, whole in CUT.items()},
}


def cut(content: bytes) -> dict[str, bytes]:
    return {f"cut_{step}": content[: len(content) * step // (OFFSETS + 1)] for step in range(1, OFFSETS + 1)}
