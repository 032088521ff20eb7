"""Conversion of any image's colours to sRGB, by its own profile if it has one."""

from typing import Any

import pyvips

PROFILE, PRIMARIES = "icc-profile-data", "coded-primaries"

# A larger profile is ignored; those of cameras have about 500 bytes, those of printers up to 3 MB.
MAX_PROFILE_BYTES = 8 * 1024 * 1024

# Linear light in these primaries (ISO/IEC 23091-2: Display P3 and BT.2020) to linear light in those of sRGB; all have
# white at D65.
TO_SRGB_LIGHT = {
    12: [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]],
    9: [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
}


def to_srgb(image: Any) -> Any:
    """Return eight bits and three bands, with alpha if there is any.

    Untagged RGB and grey count as sRGB, untagged CMYK as ink on paper.
    """
    profile = image.get(PROFILE) if image.get_typeof(PROFILE) else b""
    if not profile and image.get_typeof(PRIMARIES) and image.get(PRIMARIES) in TO_SRGB_LIGHT:
        return _from_primaries(image, image.get(PRIMARIES))
    if 0 < len(profile) <= MAX_PROFILE_BYTES and not _is_srgb(profile):
        try:
            return image.icc_transform("srgb", embedded=True, intent="relative", black_point_compensation=True)
        except pyvips.Error:  # broken, or for other bands: the image counts as untagged
            image = image.copy()
            image.remove(PROFILE)
    if image.interpretation == "cmyk":
        return image.icc_transform("srgb", input_profile="cmyk", intent="relative", black_point_compensation=True)
    return image if image.interpretation == "srgb" else image.colourspace("srgb")


def _from_primaries(image: Any, primaries: int) -> Any:
    """Convert; the transfer curves are close enough to sRGB's, except those of HDR, which come out pale."""
    eight_bit = image.colourspace("srgb")
    if image.bands < 3:
        return eight_bit
    light = image.extract_band(0, n=3).colourspace("scrgb").recomb(TO_SRGB_LIGHT[primaries])
    colours = light.copy(interpretation="scrgb").colourspace("srgb")
    return colours.bandjoin(eight_bit.extract_band(3)) if image.hasalpha() else colours


def _is_srgb(profile: bytes) -> bool:
    """Return True by the description (ICC.1, tag `desc`): converting sRGB to sRGB takes 50 ms and changes nothing."""
    count = int.from_bytes(profile[128:132], "big")
    for entry in range(132, 132 + 12 * min(count, 100), 12):
        if profile[entry : entry + 4] == b"desc":
            start, size = (int.from_bytes(profile[entry + at : entry + at + 4], "big") for at in (4, 8))
            return b"sRGB" in profile[start : start + min(size, 512)].replace(b"\0", b"")
    return False
