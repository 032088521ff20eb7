"""Filters that convert any video to what every screen can display: 8 bits, BT.709, limited range."""

from typing import assert_never

from app.media.results import HdrTransfer, Matrix, VideoFacts

# The meaning of untagged 4:2:0 samples; set on every frame, because the encoder uses the frames' tags.
TAGS = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"

# Linear light in which 1 is 100 cd/m2, the white of an SDR screen; 10 is where the brightest highlights become white.
# Diffuse white of a well graded video (203 cd/m2) becomes about 3/4 of an SDR screen's signal.
SCREEN_WHITE = 100
HIGHLIGHTS = 10


def to_bt709(facts: VideoFacts, width: int, height: int) -> list[str]:
    """Return the filters; scaling comes first, because the cost of later ones depends on the number of pixels."""
    if facts.hdr is not None:
        return [_scale(width, height), *_from_wide(facts, _transfer(facts.hdr), tone=True), TAGS, "setsar=1"]
    if facts.wide_gamut:
        return [_scale(width, height), *_from_wide(facts, "bt709", tone=False), TAGS, "setsar=1"]
    ranges = f"in_range={'pc' if facts.full_range else 'tv'}:out_range=tv"
    matrices = f"in_color_matrix={facts.matrix.value}:out_color_matrix=bt709"
    return [f"{_scale(width, height)}:{ranges}:{matrices}", "format=yuv420p", TAGS, "setsar=1"]


def _scale(width: int, height: int) -> str:
    return f"scale={width}:{height}:flags=bicubic"


def _from_wide(facts: VideoFacts, transfer: str, *, tone: bool) -> list[str]:
    """Return filters that also state what the file leaves out, because zimg refuses to guess."""
    matrix = "2020_ncl" if facts.matrix is Matrix.BT2020 else "709"
    input_options = f"pin=2020:tin={transfer}:min={matrix}:rin={'full' if facts.full_range else 'limited'}"
    linear = f"zscale={input_options}:p=709:t=linear:m=gbr:r=full:npl={SCREEN_WHITE}"
    tones = [f"tonemap=hable:desat=0:peak={HIGHLIGHTS}"] if tone else []
    return [linear, "format=gbrpf32le", *tones, "zscale=t=709:m=709:r=limited", "format=yuv420p"]


def _transfer(hdr: HdrTransfer) -> str:
    match hdr:
        case HdrTransfer.PQ:
            return "smpte2084"
        case HdrTransfer.HLG:
            return "arib-std-b67"
    assert_never(hdr)
