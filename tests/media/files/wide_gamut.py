"""Writes an ICC profile with the primaries of `p3` (Display P3) or `adobe` (Adobe RGB 1998) and a gamma of 2.2."""

import struct
import sys


def fixed(value: float) -> int:
    return round(value * 65536)


def coordinates(x: float, y: float, z: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", fixed(x), fixed(y), fixed(z))


def description(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">2L", 1, 12) + b"enUS" + struct.pack(">2L", len(encoded), 28) + encoded


# Red, green and blue, adapted to D50.
PRIMARIES = {
    "p3": ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)),
    "adobe": ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
}
red, green, blue = PRIMARIES[sys.argv[1]]
gamma = b"curv\0\0\0\0" + struct.pack(">LH", 1, round(2.2 * 256)) + b"\0\0"
tags = {
    b"desc": description("Wide gamut of a test"),
    b"cprt": description("None"),
    b"wtpt": coordinates(0.9642, 1.0, 0.8249),
    b"rXYZ": coordinates(*red),
    b"gXYZ": coordinates(*green),
    b"bXYZ": coordinates(*blue),
    b"rTRC": gamma,
    b"gTRC": gamma,
    b"bTRC": gamma,
}

table, content = struct.pack(">L", len(tags)), b""
start = 128 + 4 + 12 * len(tags)
for signature, value in tags.items():
    value += b"\0" * (-len(value) % 4)
    table += signature + struct.pack(">2L", start + len(content), len(value))
    content += value
header = struct.pack(">L4sL4s4s4s", start + len(content), b"\0\0\0\0", 0x04200000, b"mntr", b"RGB ", b"XYZ ")
header += struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
header += struct.pack(">3i", fixed(0.9642), fixed(1.0), fixed(0.8249))
sys.stdout.buffer.write(header.ljust(128, b"\0") + table + content)
