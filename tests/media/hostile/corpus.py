"""All hostile files by name; each is made when it is asked for, the same one every time."""

from collections.abc import Callable
from functools import partial

from tests.media.hostile import containers, disguises, films, pictures
from tests.media.hostile.containers import avif, heic
from tests.media.hostile.trap import Trap
from tests.media.pictures import sample

OFFSETS = 20
CUT = {
    "cut.jpg": lambda: sample("progressive.jpg").read_bytes(),
    "cut.heic": heic,
    "cut.avif": avif,
    "cut.mp4": partial(films.film, "mp4"),
    "cut.mkv": partial(films.film, "mkv"),
}

FAMILIES: dict[str, Callable[[Trap], dict[str, bytes]]] = {
    "png": lambda _: pictures.pngs(),
    "jpeg": lambda _: pictures.jpegs(),
    "gif": lambda _: pictures.gifs(),
    "webp": lambda _: pictures.webps(),
    "tiff": lambda _: pictures.tiffs(),
    "boxed pictures": lambda _: containers.pictures(),
    "mp4": containers.films,
    "films": films.films,
    "matroska": lambda _: containers.matroskas(),
    "playlists": disguises.playlists,
    "drawings": disguises.drawings,
    "archives": lambda _: disguises.archives(),
    "polyglots": disguises.polyglots,
    "scraps": lambda _: disguises.scraps(),
    **{f"{name} at {OFFSETS} offsets": partial(lambda whole, _: cut(whole()), whole) for name, whole in CUT.items()},
}


def cut(content: bytes) -> dict[str, bytes]:
    return {f"cut_{step}": content[: len(content) * step // (OFFSETS + 1)] for step in range(1, OFFSETS + 1)}
