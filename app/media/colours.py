"""Brings any picture's colours to sRGB, by its own profile where it has one."""

from typing import Any

import pyvips

PROFILE = "icc-profile-data"


def to_srgb(image: Any) -> Any:
    """Eight bits, three bands, alpha kept. Untagged RGB and grey count as sRGB, untagged CMYK as ink on paper."""
    profile = image.get(PROFILE) if image.get_typeof(PROFILE) else b""
    if profile and not _is_srgb(profile):
        try:
            return image.icc_transform("srgb", embedded=True, intent="relative", black_point_compensation=True)
        except pyvips.Error:  # broken, or made for other bands than these: the picture counts as untagged
            image = image.copy()
            image.remove(PROFILE)
    if image.interpretation == "cmyk":
        return image.icc_transform("srgb", input_profile="cmyk", intent="relative", black_point_compensation=True)
    return image if image.interpretation == "srgb" else image.colourspace("srgb")


def _is_srgb(profile: bytes) -> bool:
    """By its description (ICC.1, tag `desc`): a transform from sRGB to sRGB costs 50 ms and changes nothing."""
    count = int.from_bytes(profile[128:132], "big")
    for entry in range(132, 132 + 12 * min(count, 100), 12):
        if profile[entry : entry + 4] == b"desc":
            start, size = (int.from_bytes(profile[entry + at : entry + at + 4], "big") for at in (4, 8))
            return b"sRGB" in profile[start : start + min(size, 512)].replace(b"\0", b"")
    return False
