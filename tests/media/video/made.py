"""The output of an encode, read by libraries that did not make it."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import av
import m3u8
import numpy as np
from numpy.typing import NDArray

from app.media.decoders import Decoders
from app.media.results import RenditionFile, VideoFacts
from app.media.video.recipe import Rung, ladder_of

PLENTY_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Made:
    facts: VideoFacts
    folder: Path
    storyboard: tuple[RenditionFile, ...]
    movie: RenditionFile

    @property
    def ladder(self) -> tuple[Rung, ...]:
        return ladder_of(self.facts)

    def playlist(self, rung: Rung) -> Any:
        """Parse the rung's playlist by an RFC 8216 parser that is not ours."""
        return m3u8.loads((self.folder / f"{rung.name}.m3u8").read_text())

    def segments(self, rung: Rung) -> list[Path]:
        return [self.folder / segment.uri for segment in self.playlist(rung).segments]


async def make_all(decoders: Decoders, source: Path, folder: Path) -> Made:
    facts = await decoders.probe_video(source, folder, limit_seconds=PLENTY_SECONDS)
    async with decoders.encode_video(source, folder, facts) as encoding:
        async for _ in encoding:
            pass
    movie = await decoders.join_video(folder, facts, limit_seconds=PLENTY_SECONDS)
    return Made(facts, folder, encoding.renditions, movie)


@dataclass(frozen=True, slots=True)
class Sample:
    """A coded frame; `at` in seconds."""

    at: Fraction
    decoded_at: Fraction
    is_key: bool
    digest: str


def samples(path: Path, kind: str) -> list[Sample]:
    """Return the samples of the first track of that kind."""
    with av.open(str(path)) as opened:
        tracks: Iterable[Any] = getattr(opened.streams, kind)
        for track in tracks:
            return [
                Sample(
                    packet.pts * packet.time_base,
                    packet.dts * packet.time_base,
                    packet.is_keyframe,
                    sha256(bytes(packet)).hexdigest(),
                )
                for packet in opened.demux(track)
                if packet.pts is not None
            ]
    return []


def frames(path: Path) -> list[NDArray[np.uint8]]:
    """Return all decoded frames as RGB."""
    with av.open(str(path)) as opened:
        return [cast(Any, frame).to_ndarray(format="rgb24") for frame in opened.decode(video=0)]


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def together(pieces: Iterable[Path], whole: Path) -> Path:
    """Concatenate the pieces, as a player appends them."""
    whole.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    return whole


def boxes(path: Path) -> list[str]:
    """Return the names of an MP4's top-level boxes, in order."""
    content, names, at = path.read_bytes(), [], 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        names.append(content[at + 4 : at + 8].decode("latin-1"))
        at += size or len(content)
    return names
