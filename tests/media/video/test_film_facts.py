"""What a film says about itself: what is read of it, what is refused, and what never goes on."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from app.media.decoders import Decoders
from app.media.results import MediaError
from app.media.video import codecs
from app.media.video.capture import capture_time
from app.media.video.probe import probe_video
from app.media.video.rates import output_rate
from shared.items import FailureCode
from tests.media.video.films import AAC, FAST, H264, PICTURE, SOUND, FilmMaker, encode, picture
from tests.media.video.made import PLENTY_SECONDS, files_in, make_all

PLACE, OWNER = "+52.5163+013.3777/", "Ada Lovelace"
SERIAL, TAKEN = "SN-0042-7781", "2026:05:01"
PRIVATE = {
    "location": PLACE,
    "com.apple.quicktime.location.ISO6709": PLACE,
    "com.apple.quicktime.make": "Darkroom Works",
    "com.apple.quicktime.model": "Pocket Two",
    "com.apple.quicktime.creationdate": "2026-05-01T09:30:00+0200",
    "artist": OWNER,
    "comment": OWNER,
    "title": OWNER,
}


@pytest.mark.parametrize("container", ["mov", "mkv"])
async def test_camera_and_time_are_read_and_nothing_private_goes_on(
    decoders: Decoders, folder: Path, tmp_path: Path, container: str
) -> None:
    source = tmp_path / f"private.{container}"
    tags = [word for name, value in PRIVATE.items() for word in ("-metadata", f"{name}={value}")]
    tags += ["-metadata:s:v", f"title={OWNER}", "-metadata:s:a", f"handler_name={OWNER}"]
    encode(source, *PICTURE, *SOUND, *H264, *AAC, *tags, "-movflags", "use_metadata_tags")
    assert PLACE.encode() in source.read_bytes()
    made = await make_all(decoders, source, folder)
    assert made.facts.captured_at == datetime(2026, 5, 1, 7, 30, tzinfo=UTC)
    assert made.facts.camera == "Darkroom Works Pocket Two"
    for path in files_in(folder):
        content = path.read_bytes()
        for private in (PLACE, "+52.5", OWNER, "Pocket Two", "2026-05-01", source.name):
            assert private.encode() not in content


async def test_what_a_camera_wrote_into_each_frame_goes_on_in_no_file(
    decoders: Decoders, folder: Path, tmp_path: Path
) -> None:
    """A film of Motion JPEG is a row of photos, each with its own EXIF; the encoder would know how to keep it."""
    for number in range(10):
        told = Image.Exif()
        told[Base.Make], told[Base.Orientation], told[Base.BodySerialNumber] = OWNER, 6, SERIAL
        told.get_ifd(IFD.GPSInfo)[GPS.GPSDateStamp] = TAKEN
        Image.effect_noise((320, 180), 60).convert("RGB").save(tmp_path / f"frame_{number}.jpg", exif=told)
    source = tmp_path / "photos.mov"
    encode(source, "-framerate", "5", "-i", str(tmp_path / "frame_%d.jpg"), "-c:v", "copy")
    assert SERIAL.encode() in source.read_bytes()
    made = await make_all(decoders, source, folder)
    scene, pictures = folder / "scene", tmp_path / "pictures"
    scene.mkdir()
    pictures.mkdir()
    poster = await decoders.make_poster(source, scene, made.facts, limit_seconds=PLENTY_SECONDS)
    still = await decoders.make_image(poster, pictures, limit_seconds=PLENTY_SECONDS)
    assert (still.width, still.height) == (made.facts.width, made.facts.height) == (180, 320)
    for path in (*(path for path in files_in(folder) if path.is_file()), *files_in(pictures)):
        content = path.read_bytes()
        for private in (OWNER, SERIAL, TAKEN, "Exif"):
            assert private.encode() not in content, path.name


async def test_of_several_sounds_the_one_that_a_player_plays_is_heard(
    decoders: Decoders, film: FilmMaker, folder: Path
) -> None:
    await make_all(decoders, film("several sounds"), folder)
    with av.open(str(folder / "video.mp4")) as opened:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in opened.decode(audio=0)])
    loudest = int(np.argmax(np.abs(np.fft.rfft(sound[48_000:96_000]))))
    assert abs(loudest - 1760) <= 2


def refusal(source: Path) -> MediaError:
    with pytest.raises(MediaError) as caught:
        probe_video(source)
    assert len(caught.value.message) > 20
    return caught.value


def test_what_holds_no_moving_picture_is_no_video(tmp_path: Path) -> None:
    song = tmp_path / "song.mp4"
    encode(song, *SOUND, *AAC)
    assert refusal(song).code is FailureCode.UNSUPPORTED


def test_a_cover_alone_is_no_moving_picture(tmp_path: Path) -> None:
    song = tmp_path / "song.mp4"
    cover = ("-f", "lavfi", "-i", "color=red:size=64x64:duration=0.04")
    encode(song, *SOUND, *cover, *AAC, "-c:v", "mjpeg", "-disposition:v:0", "attached_pic")
    assert refusal(song).code is FailureCode.UNSUPPORTED


def test_a_codec_that_we_let_nobody_decode_is_refused_by_that_reason(tmp_path: Path) -> None:
    lossless = tmp_path / "lossless.mkv"
    encode(lossless, *picture(duration=1), "-c:v", "ffv1")
    assert refusal(lossless).code is FailureCode.UNSUPPORTED


def test_a_picture_too_large_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    encode(large, *picture(size="8256x64", duration=1, rate=1), "-c:v", "mjpeg")
    assert refusal(large).code is FailureCode.TOO_LARGE


def test_more_than_four_hours_are_refused(tmp_path: Path) -> None:
    endless = tmp_path / "endless.mp4"
    encode(endless, *picture(size="64x36", rate="1/720", duration=codecs.MOST_SECONDS + 1000), *FAST)
    assert refusal(endless).code is FailureCode.TOO_LARGE


def test_more_tracks_than_anybody_needs_are_refused(tmp_path: Path) -> None:
    crowd = tmp_path / "crowd.mkv"
    maps = [word for _ in range(codecs.MOST_STREAMS) for word in ("-map", "1")]
    encode(crowd, *picture(duration=0.2), *SOUND, "-map", "0", *maps, *H264, "-c:a", "pcm_u8", "-t", "0.2")
    assert refusal(crowd).code is FailureCode.TOO_LARGE


@pytest.mark.parametrize("part", [0.02, 0.3, 0.9])
def test_a_film_whose_index_at_the_end_is_missing_is_damaged(film: FilmMaker, tmp_path: Path, part: float) -> None:
    cut = tmp_path / "cut.mp4"
    content = film("plain").read_bytes()
    cut.write_bytes(content[: int(len(content) * part)])
    assert refusal(cut).code is FailureCode.DAMAGED


@pytest.mark.parametrize(
    ("average", "steps", "made"),
    [
        ("30", "30", "30"),
        ("30000/1001", "30000/1001", "30000/1001"),
        ("120", "120", "60"),
        ("240", "240", "60"),
        ("120000/1001", "120000/1001", "60000/1001"),
        ("100", "100", "50"),
        ("90", "90", "45"),
        ("29.8", "60", "30"),
        ("12.7", "30", "15"),
        ("0.01", "1000", "5"),
        ("59.2", "1000", "60"),
        ("1000", "1000", "1000/17"),
        (None, None, "30"),
    ],
)
def test_every_rate_becomes_a_constant_one_of_at_most_sixty(average: str | None, steps: str | None, made: str) -> None:
    rates = (Fraction(rate) if rate else None for rate in (average, steps))
    assert output_rate(*rates) == Fraction(made)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ({"creation_time": "2026-05-01T09:30:00.000000Z"}, datetime(2026, 5, 1, 9, 30, tzinfo=UTC)),
        ({"creation_time": "1904-01-01T00:00:00.000000Z"}, None),
        ({"creation_time": "2099-01-01T00:00:00.000000Z"}, None),
        ({"creation_time": "yesterday, late at night"}, None),
        ({"date": "2026"}, None),
        ({}, None),
    ],
)
def test_an_absurd_moment_is_none(said: dict[str, str], read: datetime | None) -> None:
    assert capture_time(said, now=datetime(2026, 11, 1, tzinfo=UTC)) == read
