"""The encoder's commands: one for the whole ladder and the storyboard, one for the poster, one for the MP4."""

from itertools import pairwise
from pathlib import Path

from app.media.results import VideoFacts
from app.media.video import codecs
from app.media.video.colour import to_bt709
from app.media.video.recipe import AUDIO_BITS_PER_SECOND, AUDIO_HERTZ, SEGMENT_SECONDS, STORYBOARD, Rung, ladder_of
from app.media.video.storyboard import SPRITE_FILE, storyboard_of

POSTER_FILE, MOVIE_FILE, JOINED_FILE = "poster.png", "video.mp4", "joined.mp4"
PROGRESS_FILE = "progress.txt"
# The encoder's own playlists; we write the published ones from them.
ENCODERS_LIST = ".list"

POSTER_MAX_EDGE = 2048
POSTER_CANDIDATES = 12
"""Frames that are compared; the most typical one is used, so that the poster is not a flash or a fade."""
POSTER_POSITION, POSTER_MAX_SECONDS = 0.1, 3.0

# Frame threads hold a whole frame each, 100 MB of the largest legal ones.
DECODER_THREADS = 4

_QUIET = ["-nostdin", "-hide_banner", "-loglevel", "error", "-nostats"]
_STRIP_METADATA = ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]


def poster_command(source: Path, facts: VideoFacts, *, from_start: bool) -> tuple[str, ...]:
    """Return a command that starts at a key frame near `POSTER_POSITION`.

    With a wrong header that may be after the end.
    """
    seconds = 0.0 if from_start else min(facts.duration_seconds * POSTER_POSITION, POSTER_MAX_SECONDS)
    scale = min(1.0, POSTER_MAX_EDGE / max(facts.width, facts.height))
    width, height = (max(1, round(edge * scale)) for edge in (facts.width, facts.height))
    colours = to_bt709(facts, width, height)
    filters = [colours[0], f"thumbnail=n={POSTER_CANDIDATES}", *colours[1:], "format=rgb24"]
    return (
        *_QUIET,
        *_reading(source, facts, "-noaccurate_seek", "-ss", f"{seconds:.3f}"),
        *("-map", f"0:{facts.video_stream}", "-vf", ",".join(filters), "-frames:v", "1"),
        *_STRIP_METADATA,
        *("-c:v", "png", "-compression_level", "1", "-update", "1", "-y", POSTER_FILE),
    )


def ladder_command(source: Path, facts: VideoFacts) -> tuple[str, ...]:
    """Return a command that writes into its working folder; it decodes once and encodes each rung once."""
    ladder = ladder_of(facts)
    return (
        *_QUIET,
        *("-progress", PROGRESS_FILE, "-stats_period", "0.5"),
        *_reading(source, facts),
        *("-filter_complex", _graph(facts, ladder)),
        *_streams(facts, ladder),
        *_STRIP_METADATA,
        *_segments(facts, ladder),
        *("-map", "[sprite]", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", str(STORYBOARD.quality)),
        *(*_STRIP_METADATA, "-update", "1", SPRITE_FILE),
    )


def join_command(joined: Path) -> tuple[str, ...]:
    """Return a command that copies the samples and moves the index to the front, so that playback starts early."""
    return (
        *_QUIET,
        *("-protocol_whitelist", "file", "-format_whitelist", "mov,mp4,m4a,3gp,3g2,mj2", "-f", "mov"),
        *("-i", f"file:{joined.absolute()}", "-map", "0", "-c", "copy"),
        *_STRIP_METADATA,
        *("-movflags", "+faststart", "-f", "mp4", MOVIE_FILE),
    )


def _reading(source: Path, facts: VideoFacts, *more: str) -> list[str]:
    options = [word for name, value in codecs.reading_options(facts.container).items() for word in (f"-{name}", value)]
    limits = ["-max_pixels", str(codecs.MAX_PIXELS), "-t", str(codecs.MAX_SECONDS)]
    demuxer = ["-f", codecs.DEMUXERS[facts.container]]
    return [*options, *limits, "-threads", str(DECODER_THREADS), *more, *demuxer, "-i", f"file:{source.absolute()}"]


def _graph(facts: VideoFacts, ladder: tuple[Rung, ...]) -> str:
    """Return the graph: from the largest rung down, each made from the previous; the storyboard from the smallest."""
    largest = ladder[-1]
    # Frames at a constant rate from 0 on, despite gaps, jumps and late starts in the original.
    even = [f"fps={facts.output_rate}:start_time=0"]
    if facts.video_padding_seconds:
        even.append(f"tpad=stop_mode=clone:stop_duration={facts.video_padding_seconds:.3f}")
    filters = [*even, *to_bt709(facts, largest.width, largest.height)]
    chains = [f"[0:{facts.video_stream}]{','.join(filters)},split=2[{largest.name}][below_{largest.name}]"]
    for above, rung in pairwise(reversed(ladder)):
        scale = f"scale={rung.width}:{rung.height}:flags=bicubic"
        chains.append(f"[below_{above.name}]{scale},split=2[{rung.name}][below_{rung.name}]")
    chains.append(f"[below_{ladder[0].name}]{_tiles(facts)}[sprite]")
    if facts.has_audio:
        chains.append(_audio_filters(facts, ladder))
    return ";".join(chains)


def _tiles(facts: VideoFacts) -> str:
    storyboard = storyboard_of(facts)
    seconds = storyboard.interval_seconds
    first_of_each = f"select='isnan(prev_selected_t)+gt(floor(t/{seconds}),floor(prev_selected_t/{seconds}))'"
    size = f"scale={storyboard.tile_width}:{storyboard.tile_height}:out_color_matrix=bt601:out_range=pc"
    return f"{first_of_each},{size},format=yuvj420p,tile={storyboard.columns}x{storyboard.rows}"


def _audio_filters(facts: VideoFacts, ladder: tuple[Rung, ...]) -> str:
    filters = [f"aresample={AUDIO_HERTZ}:async=1:first_pts=0", "aformat=channel_layouts=stereo"]
    if facts.audio_padding_seconds:
        filters.append(f"apad=pad_dur={facts.audio_padding_seconds:.3f}")
    outputs = "".join(f"[sound_{rung.name}]" for rung in ladder)
    return f"[0:{facts.audio_stream}]{','.join([*filters, f'asplit={len(ladder)}'])}{outputs}"


def _streams(facts: VideoFacts, ladder: tuple[Rung, ...]) -> list[str]:
    # Key frames only at forced times, so that every rung can be cut at the same times.
    times = f"expr:gte(t,n_forced*{SEGMENT_SECONDS})"
    words = ["-force_key_frames", times, "-forced-idr", "1", "-sc_threshold", "0", "-g", "1000000"]
    words += ["-c:v", "libx264", "-profile:v", "high", "-pix_fmt", "yuv420p", "-threads:v", "0"]
    for number, rung in enumerate(ladder):
        kilobits = (rung.max_bits_per_second - (AUDIO_BITS_PER_SECOND if facts.has_audio else 0)) // 1000
        words += ["-map", f"[{rung.name}]", f"-preset:v:{number}", rung.quality.preset]
        words += [f"-crf:v:{number}", str(rung.quality.crf), f"-level:v:{number}", f"{rung.level / 10:.1f}"]
        words += [f"-maxrate:v:{number}", f"{kilobits}k", f"-bufsize:v:{number}", f"{2 * kilobits}k"]
    if facts.has_audio:
        words += [word for rung in ladder for word in ("-map", f"[sound_{rung.name}]")]
        words += ["-c:a", "aac", "-b:a", str(AUDIO_BITS_PER_SECOND)]
    return words


def _segments(facts: VideoFacts, ladder: tuple[Rung, ...]) -> list[str]:
    # With one variant the muxer does not expand %v.
    name = "%v" if len(ladder) > 1 else ladder[0].name
    sounds = [f",a:{number}" if facts.has_audio else "" for number in range(len(ladder))]
    variants = [f"v:{number}{sounds[number]},name:{rung.name}" for number, rung in enumerate(ladder)]
    words = ["-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_list_size", "0", "-hls_playlist_type", "event"]
    words += ["-hls_segment_type", "fmp4", "-hls_flags", "independent_segments+temp_file"]
    # Otherwise the first frame would be delayed by the reordering of frames.
    words += ["-avoid_negative_ts", "disabled"]
    words += ["-hls_fmp4_init_filename", f"{name}_init.mp4", "-hls_segment_filename", f"{name}_%05d.m4s"]
    return [*words, *(["-var_stream_map", " ".join(variants)] if len(ladder) > 1 else []), f"{name}{ENCODERS_LIST}"]
