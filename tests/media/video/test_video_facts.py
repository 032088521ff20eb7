"""Facts of a video: what the probe reads, what it refuses, and metadata that no output contains."""

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
from darkroom_shared.items import FailureCode
from tests.media.video.made import PLENTY_SECONDS, files_in, make_all
from tests.media.video.sample_videos import AAC, FAST, H264, IMAGE, SOUND, MakeVideo, encode, image

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
async def test_camera_and_time_are_read_and_no_private_metadata_is_copied(
    decoders: Decoders, folder: Path, tmp_path: Path, container: str
) -> None:
    source = tmp_path / f"private.{container}"
    tags = [word for name, value in PRIVATE.items() for word in ("-metadata", f"{name}={value}")]
    tags += ["-metadata:s:v", f"title={OWNER}", "-metadata:s:a", f"handler_name={OWNER}"]
    encode(source, *IMAGE, *SOUND, *H264, *AAC, *tags, "-movflags", "use_metadata_tags")
    assert PLACE.encode() in source.read_bytes()
    made = await make_all(decoders, source, folder)
    assert made.facts.captured_at == datetime(2026, 5, 1, 7, 30, tzinfo=UTC)
    assert made.facts.camera == "Darkroom Works Pocket Two"
    for path in files_in(folder):
        content = path.read_bytes()
        for private in (PLACE, "+52.5", OWNER, "Pocket Two", "2026-05-01", source.name):
            assert private.encode() not in content


async def test_metadata_within_frames_is_copied_to_no_file(decoders: Decoders, folder: Path, tmp_path: Path) -> None:
    """Motion JPEG is a sequence of photos, each with its own EXIF, which the encoder could copy."""
    for number in range(10):
        exif = Image.Exif()
        exif[Base.Make], exif[Base.Orientation], exif[Base.BodySerialNumber] = OWNER, 6, SERIAL
        exif.get_ifd(IFD.GPSInfo)[GPS.GPSDateStamp] = TAKEN
        Image.effect_noise((320, 180), 60).convert("RGB").save(tmp_path / f"frame_{number}.jpg", exif=exif)
    source = tmp_path / "photos.mov"
    encode(source, "-framerate", "5", "-i", str(tmp_path / "frame_%d.jpg"), "-c:v", "copy")
    assert SERIAL.encode() in source.read_bytes()
    made = await make_all(decoders, source, folder)
    scene, images = folder / "scene", tmp_path / "pictures"
    scene.mkdir()
    images.mkdir()
    poster = await decoders.make_poster(source, scene, made.facts, limit_seconds=PLENTY_SECONDS)
    still = await decoders.make_image(poster, images, limit_seconds=PLENTY_SECONDS)
    assert (still.width, still.height) == (made.facts.width, made.facts.height) == (180, 320)
    for path in (*(path for path in files_in(folder) if path.is_file()), *files_in(images)):
        content = path.read_bytes()
        for private in (OWNER, SERIAL, TAKEN, "Exif"):
            assert private.encode() not in content, path.name


async def test_of_several_audio_tracks_the_default_one_is_encoded(
    decoders: Decoders, video: MakeVideo, folder: Path
) -> None:
    await make_all(decoders, video("several sounds"), folder)
    with av.open(str(folder / "video.mp4")) as opened:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in opened.decode(audio=0)])
    loudest = int(np.argmax(np.abs(np.fft.rfft(sound[48_000:96_000]))))
    assert abs(loudest - 1760) <= 2


def error_of(source: Path) -> MediaError:
    with pytest.raises(MediaError) as caught:
        probe_video(source)
    assert len(caught.value.message) > 20
    return caught.value


def test_a_container_without_a_video_track_is_no_video(tmp_path: Path) -> None:
    song = tmp_path / "song.mp4"
    encode(song, *SOUND, *AAC)
    assert error_of(song).code is FailureCode.UNSUPPORTED


def test_a_cover_image_alone_is_no_video(tmp_path: Path) -> None:
    song = tmp_path / "song.mp4"
    cover = ("-f", "lavfi", "-i", "color=red:size=64x64:duration=0.04")
    encode(song, *SOUND, *cover, *AAC, "-c:v", "mjpeg", "-disposition:v:0", "attached_pic")
    assert error_of(song).code is FailureCode.UNSUPPORTED


def test_a_disallowed_codec_is_refused_with_that_reason(tmp_path: Path) -> None:
    lossless = tmp_path / "lossless.mkv"
    encode(lossless, *image(duration=1), "-c:v", "ffv1")
    assert error_of(lossless).code is FailureCode.UNSUPPORTED


def test_an_image_too_large_is_refused_before_decoding(tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    encode(large, *image(size="8256x64", duration=1, rate=1), "-c:v", "mjpeg")
    assert error_of(large).code is FailureCode.TOO_LARGE


def test_more_than_four_hours_are_refused(tmp_path: Path) -> None:
    endless = tmp_path / "endless.mp4"
    encode(endless, *image(size="64x36", rate="1/720", duration=codecs.MAX_SECONDS + 1000), *FAST)
    assert error_of(endless).code is FailureCode.TOO_LARGE


def test_too_many_tracks_are_refused(tmp_path: Path) -> None:
    many_tracks = tmp_path / "many_tracks.mkv"
    maps = [word for _ in range(codecs.MAX_STREAMS) for word in ("-map", "1")]
    encode(many_tracks, *image(duration=0.2), *SOUND, "-map", "0", *maps, *H264, "-c:a", "pcm_u8", "-t", "0.2")
    assert error_of(many_tracks).code is FailureCode.TOO_LARGE


@pytest.mark.parametrize("part", [0.02, 0.3, 0.9])
def test_a_video_without_its_final_index_is_damaged(video: MakeVideo, tmp_path: Path, part: float) -> None:
    cut = tmp_path / "cut.mp4"
    content = video("plain").read_bytes()
    cut.write_bytes(content[: int(len(content) * part)])
    assert error_of(cut).code is FailureCode.DAMAGED


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
def test_every_frame_rate_becomes_a_constant_one_up_to_sixty(average: str | None, steps: str | None, made: str) -> None:
    rates = (Fraction(rate) if rate else None for rate in (average, steps))
    assert output_rate(*rates) == Fraction(made)


@pytest.mark.parametrize(
    ("tags", "read"),
    [
        ({"creation_time": "2026-05-01T09:30:00.000000Z"}, datetime(2026, 5, 1, 9, 30, tzinfo=UTC)),
        ({"creation_time": "1904-01-01T00:00:00.000000Z"}, None),
        ({"creation_time": "2099-01-01T00:00:00.000000Z"}, None),
        ({"creation_time": "yesterday, late at night"}, None),
        ({"date": "2026"}, None),
        ({}, None),
    ],
)
def test_an_implausible_capture_time_is_none(tags: dict[str, str], read: datetime | None) -> None:
    assert capture_time(tags, now=datetime(2026, 11, 1, tzinfo=UTC)) == read
