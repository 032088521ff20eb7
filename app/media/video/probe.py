"""Facts of a video, from its header and its first frame. Runs inside a child only."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from app.media.image.camera import camera_name
from app.media.results import Container, HdrTransfer, Matrix, VideoFacts
from app.media.sniff import sniff
from app.media.video import codecs
from app.media.video.capture import capture_time, make_and_model
from app.media.video.errors import damaged, too_large, unsupported
from app.media.video.rates import output_rate
from darkroom_shared.items import ItemKind

# ITU-T H.273, tables 2 to 4, as libavutil numbers them.
TRANSFERS = {16: HdrTransfer.PQ, 18: HdrTransfer.HLG}
WIDE_PRIMARIES = 9
MATRICES = {1: Matrix.BT709, 5: Matrix.BT601, 6: Matrix.BT601, 9: Matrix.BT2020, 10: Matrix.BT2020}
FULL_RANGE = 2
# Players assume BT.601 for untagged video up to the height of PAL, and BT.709 above.
MAX_BT601_HEIGHT = 576

# A recording that begins in the middle of a stream may start with frames whose references are missing.
FIRST_PACKETS = 300
# A pixel aspect ratio beyond this is an error in the header.
MAX_ASPECT_RATIO = 4
MIN_DIFFERENCE_SECONDS = 0.1
"""Tracks that end within this of each other count as equally long."""

# The tag that Matroska's writers give each track, because the header has one duration for all.
MATROSKA_MOMENT = re.compile(r"(\d\d):(\d\d):(\d\d\.\d{1,9})$")


def probe_video(source: Path) -> VideoFacts:
    """Return the facts. Raises MediaError if the file is at fault."""
    source_format = sniff(source)
    if source_format.kind is not ItemKind.VIDEO:
        raise unsupported("it is an image")
    kind = Container(source_format.value)
    with (
        _reading_errors(),
        av.open(
            str(source),
            format=codecs.DEMUXERS[kind],
            container_options=codecs.reading_options(kind),
            metadata_errors="replace",
        ) as opened,
    ):
        if len(opened.streams) > codecs.MAX_STREAMS:
            raise too_large(f"it has {len(opened.streams)} tracks, and {codecs.MAX_STREAMS} is the most")
        video_stream, audio_stream = _require_video_stream(opened), _audio_stream(opened)
        _require_size(video_stream.width, video_stream.height)
        duration = _duration(opened, video_stream)
        frame = _first_frame(opened, video_stream)
        _require_size(frame.width, frame.height)
        return _facts(kind, opened, video_stream, audio_stream, frame, duration)


@contextmanager
def _reading_errors() -> Iterator[None]:
    """Convert libavformat's errors to messages for the owner."""
    try:
        yield
    except MemoryError as error:
        raise too_large("it needs more memory than a video may take") from error
    except av.FFmpegError as error:
        raise damaged() from error


def _require_video_stream(opened: InputContainer) -> VideoStream:
    """Return the track that a player would show."""
    tracks = [track for track in opened.streams.video if not track.disposition & Disposition.attached_pic]
    if not tracks:
        raise unsupported("it has no video track")
    readable = [track for track in tracks if _codec(track) in codecs.VIDEO]
    if not readable:
        raise unsupported("its video codec is not supported")
    return cast(VideoStream, _default(readable))


def _audio_stream(opened: InputContainer) -> AudioStream | None:
    """Return the track that a player would play; None if there is none in a supported codec."""
    readable = [track for track in opened.streams.audio if _codec(track) in codecs.AUDIO]
    return cast(AudioStream, _default(readable)) if readable else None


def _default(tracks: list[VideoStream] | list[AudioStream]) -> Stream:
    return next((track for track in tracks if track.disposition & Disposition.default), tracks[0])


def _codec(track: Stream) -> str | None:
    """Return None if the library has no decoder."""
    context = track.codec_context
    return context.codec.canonical_name if context else None


def _require_size(width: int, height: int) -> None:
    if max(width, height) > codecs.MAX_EDGE or width * height > codecs.MAX_PIXELS:
        limit = f"{codecs.MAX_PIXELS // 1_000_000} megapixels and {codecs.MAX_EDGE} on an edge are the most"
        raise too_large(f"it has {width} x {height} pixels, and {limit}")


def _duration(opened: InputContainer, video_stream: VideoStream) -> float:
    """Return the header's duration, else the packets': browsers record WebM without writing a duration."""
    seconds = opened.duration / 1_000_000 if opened.duration else _last_moment(opened, video_stream)
    if seconds > codecs.MAX_SECONDS:
        hours = codecs.MAX_SECONDS // 3600
        raise too_large(f"{hours} hours are the most")
    return max(seconds, 0.001)


def _last_moment(opened: InputContainer, video_stream: VideoStream) -> float:
    if video_stream.time_base is None:
        return 0.0
    last = 0
    for packet in opened.demux(video_stream):
        if packet.pts is not None:
            last = max(last, packet.pts + (packet.duration or 0))
            if last * video_stream.time_base > codecs.MAX_SECONDS:
                break
    opened.seek(0)
    return float((last - (video_stream.start_time or 0)) * video_stream.time_base)


def _first_frame(opened: InputContainer, video_stream: VideoStream) -> VideoFrame:
    failed = None
    for number, packet in enumerate(opened.demux(video_stream)):
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            failed, frames = error, []
        if frames:
            return frames[0]
        if number == FIRST_PACKETS:
            break
    raise damaged() from failed


def _facts(
    kind: Container,
    opened: InputContainer,
    video_stream: VideoStream,
    audio_stream: AudioStream | None,
    frame: VideoFrame,
    duration: float,
) -> VideoFacts:
    width, height = _display_size(frame, video_stream.sample_aspect_ratio)
    metadata = {**video_stream.metadata, **opened.metadata}
    average = video_stream.average_rate
    video_end, audio_end = _end(video_stream), _end(audio_stream) if audio_stream else 0.0
    difference = video_end - audio_end if video_end and audio_end else 0.0
    rate = output_rate(average, video_stream.base_rate)
    return VideoFacts(
        container=kind,
        codec=video_stream.codec_context.codec.canonical_name,
        pixel_format=frame.format.name,
        width=width,
        height=height,
        duration_seconds=duration,
        frame_rate=float(average or rate),
        output_rate=f"{rate.numerator}/{rate.denominator}",
        hdr=TRANSFERS.get(frame.color_trc),
        matrix=MATRICES.get(frame.colorspace, Matrix.BT601 if frame.height <= MAX_BT601_HEIGHT else Matrix.BT709),
        wide_gamut=frame.color_primaries == WIDE_PRIMARIES,
        full_range=frame.color_range == FULL_RANGE or frame.format.name.startswith("yuvj"),
        video_stream=video_stream.index,
        audio_stream=audio_stream.index if audio_stream else None,
        audio_padding_seconds=difference if difference > MIN_DIFFERENCE_SECONDS else 0.0,
        video_padding_seconds=-difference if difference < -MIN_DIFFERENCE_SECONDS else 0.0,
        captured_at=capture_time(metadata, now=datetime.now(UTC)),
        camera=camera_name(*make_and_model(metadata)),
    )


def _end(track: Stream) -> float:
    """Return the end of the track in seconds; 0 if unknown."""
    if track.duration and track.time_base is not None:
        return float(((track.start_time or 0) + track.duration) * track.time_base)
    match = MATROSKA_MOMENT.match(track.metadata.get("DURATION", ""))
    return sum(float(part) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else 0.0


def _display_size(frame: VideoFrame, aspect: Fraction | None) -> tuple[int, int]:
    """Return the upright size with square pixels: edges are only stretched, so that no row or column is lost."""
    width, height = frame.width, frame.height
    if aspect and Fraction(1, MAX_ASPECT_RATIO) <= aspect <= MAX_ASPECT_RATIO:
        if aspect > 1:
            width = min(round(width * aspect), codecs.MAX_EDGE)
        else:
            height = min(round(height / aspect), codecs.MAX_EDGE)
    return (height, width) if frame.rotation % 180 else (width, height)
