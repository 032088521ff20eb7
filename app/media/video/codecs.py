"""What the libraries may read: few demuxers, few decoders, files only, to keep the attack surface small."""

from app.media.results import Container

# By libavformat's short name: the content cannot choose another, so that a disguised playlist is not read.
DEMUXERS = {Container.MP4: "mov", Container.MATROSKA: "matroska"}

# By the codec's name, and by its decoder's name where that differs.
VIDEO = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "mpeg1video", "h263", "mjpeg", "prores"})
AUDIO = frozenset(
    {"aac", "mp3", "mp2", "opus", "vorbis", "flac", "alac", "ac3", "eac3", "amr_nb", "amr_wb", "pcm_s16le", "pcm_s16be"}
    | {"pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_u8", "pcm_alaw", "pcm_mulaw"}
)
DECODER_ALIASES = frozenset({"libdav1d", "mp3float", "mp2float", "amrnb", "amrwb"})

MAX_STREAMS = 64
MAX_SECONDS = 4 * 3600
MAX_EDGE = 8192
MAX_PIXELS = 36_000_000


def reading_options(container: Container) -> dict[str, str]:
    """Return the options for opening an original, on the encoder's command line or in the probe's libavformat."""
    return {
        "protocol_whitelist": "file",
        "format_whitelist": DEMUXERS[container] if container is Container.MATROSKA else "mov,mp4,m4a,3gp,3g2,mj2",
        "codec_whitelist": ",".join(sorted(VIDEO | AUDIO | DECODER_ALIASES)),
    }
