"""Images that exhaust memory or time, or that have circular references."""

import io
import struct
import zlib

from PIL import Image

from tests.media.hostile.chunks import after_start, grey_pixel, png, png_chunk, png_header, riff, segment, zeros
from tests.media.sample_images import sample
from tests.media.tagged import TaggedFile

MANY = 100_000
HUGE = 2**31
SAMPLE_DEPTH = {0x102: 8, 0x103: 1, 0x106: 1, 0x115: 1}
"""The tags of a plain grey TIFF besides its dimensions and its strip."""


def jpeg() -> bytes:
    return sample("baseline.jpg").read_bytes()


def pngs() -> dict[str, bytes]:
    pixel, one = grey_pixel(), png_header(1, 1)
    endless = struct.pack(">L", 2**31 - 1)
    return {
        "png_bomb": png(png_header(30_000, 30_000), png_chunk(b"IDAT", zeros(30_001 * 100))),
        "png_bomb_by_interlacing": png(png_header(9_000, 9_000, interlace=1), png_chunk(b"IDAT", zeros(9_001 * 9_000))),
        "png_bomb_inside_the_limit": png(png_header(10_000, 10_000), png_chunk(b"IDAT", zeros(10_001 * 10_000))),
        "png_of_no_width": png(png_header(0, 1), pixel),
        "png_of_no_height": png(png_header(1, 0), pixel),
        "png_wider_than_a_number": png(png_header(HUGE, 1), pixel),
        "png_as_wide_as_a_number": png(png_header(HUGE - 1, 1), pixel),
        "png_as_high_as_a_number": png(png_header(1, HUGE - 1), pixel),
        "png_with_a_wrong_header_checksum": png(png_chunk(b"IHDR", one[8:21], checksum=7), pixel),
        "png_with_a_wrong_pixel_checksum": png(one, png_chunk(b"IDAT", zlib.compress(b"\0\x80"), checksum=7)),
        "png_with_a_text_bomb": png(one, png_chunk(b"zTXt", b"Comment\0\0" + zeros(200 << 20)), pixel),
        "png_with_a_profile_bomb": png(one, png_chunk(b"iCCP", b"icc\0\0" + zeros(200 << 20)), pixel),
        "png_with_many_texts": png(one, png_chunk(b"tEXt", b"Comment\0x") * MANY, pixel),
        "png_of_many_frames": png(one, animation_control(), pixel, frame_control() * MANY),
        "png_without_pixels": png(one),
        "png_without_its_palette": png(png_header(1, 1, colour=3), pixel),
        "png_with_an_endless_chunk": png(one)[:33] + endless + b"IDAT" + bytes(100),
        "png_with_too_many_pixels": png(one, png_chunk(b"IDAT", zeros(100 << 20))),
        "png_with_a_broken_stream": png(png_header(64, 64), png_chunk(b"IDAT", b"\x78\x9c" + b"\xff" * 500)),
        "png_with_two_headers": png(one, png_header(30_000, 30_000), pixel),
    }


def animation_control() -> bytes:
    return png_chunk(b"acTL", struct.pack(">LL", MANY, 0))


def frame_control() -> bytes:
    return png_chunk(b"fcTL", struct.pack(">LLLLLHHBB", 0, 1, 1, 0, 0, 1, 100, 0, 0))


def jpegs() -> dict[str, bytes]:
    plain = jpeg()
    frame = plain.index(b"\xff\xc0")
    tables = plain.index(b"\xff\xc4")

    def sized(width: int, height: int) -> bytes:
        return plain[: frame + 5] + struct.pack(">HH", height, width) + plain[frame + 9 :]

    return {
        "jpeg_bomb": sized(65_500, 65_500),
        "jpeg_of_no_height": sized(160, 0),
        "jpeg_of_no_width": sized(0, 120),
        "jpeg_with_broken_tables": plain[: tables + 4] + b"\xff" * 60 + plain[tables + 64 :],
        "jpeg_of_many_scans": many_scans(),
        "jpeg_with_endless_exif": exif({0x10F: "Acme"}, count=0xFFFFFFFF),
        "jpeg_with_exif_in_a_ring": after_start(plain, segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + ring())),
        "jpeg_with_exif_outside": after_start(plain, segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xf0")),
        "jpeg_with_a_profile_in_255_parts": after_start(
            plain, *(segment(0xE2, b"ICC_PROFILE\0" + bytes([part, 255]) + bytes(60_000)) for part in range(1, 256))
        ),
        "jpeg_with_a_profile_that_lacks_parts": after_start(plain, segment(0xE2, b"ICC_PROFILE\0\x09\x02" + bytes(99))),
        "jpeg_with_many_comments": after_start(plain, segment(0xFE, bytes(60_000)) * 300),
        "jpeg_of_twelve_bits": plain[: frame + 4] + b"\x0c" + plain[frame + 5 :],
        "jpeg_of_arithmetic_codes": plain[: frame + 1] + b"\xc9" + plain[frame + 2 :],
        "jpeg_of_many_starts": b"\xff\xd8" * MANY + plain,
    }


def many_scans() -> bytes:
    """Return a progressive image whose last scan is repeated two thousand times; each one decodes all its pixels
    again.
    """
    written = io.BytesIO()
    Image.new("RGB", (640, 480), (90, 120, 30)).save(written, "JPEG", progressive=True)
    content = written.getvalue()
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * 2_000 + b"\xff\xd9"


def exif(entries: dict[int, str], *, count: int) -> bytes:
    """Return a JPEG with EXIF in which one entry claims `count` values."""
    file = TaggedFile()
    block = bytearray(file.begin_at(file.folder(dict(entries))))
    start = struct.unpack_from("<L", block, 4)[0]
    struct.pack_into("<L", block, start + 2 + 4, count)
    return after_start(jpeg(), segment(0xE1, b"Exif\0\0" + bytes(block)))


def ring() -> bytes:
    """Return a folder at offset 8 whose Exif folder and next folder are itself."""
    return struct.pack("<HHHLLL", 1, 0x8769, 4, 1, 8, 8)


def gifs() -> dict[str, bytes]:
    many = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    return {
        "gif_bomb": gif(65_535, 65_535, image(1, 1)),
        "gif_of_many_frames": many + image(1, 1) * MANY + b";",
        "gif_of_vast_frames": gif(10_000, 10_000, image(10_000, 10_000) * 3_000),
        "gif_of_large_moving_frames": gif(5_000, 4_900, (pause(4) + image(5_000, 4_900)) * 2_900),
        "gif_of_frames_without_time": gif(64, 64, (pause(0) + image(64, 64)) * 2_900),
        "gif_that_never_ends": gif(640, 480, (pause(65_535) + image(64, 64)) * 300),
        "gif_of_odd_times": gif(2_000, 1, b"".join(pause(number) + image(64, 1) for number in range(2, 1_000))),
        "gif_with_a_frame_outside": gif(16, 16, image(60_000, 60_000, left=60_000)),
        "gif_of_no_size": gif(0, 0, image(0, 0)),
        "gif_without_an_end": gif(64, 64, image(64, 64)[:-1] + b"\xff" + b"\xff" * 255)[:-1],
        "gif_without_a_frame": gif(64, 64, b""),
        "gif_of_endless_comments": gif(8, 8, b"\x21\xfe" + (b"\xff" + bytes(255)) * 20_000 + b"\0" + image(8, 8)),
        "gif_with_broken_codes": gif(
            64, 64, b"\x2c" + struct.pack("<HHHHB", 0, 0, 64, 64, 0) + b"\x0c\x04\xff\xff\xff\xff\0"
        ),
        "gif_that_is_a_script": b"GIF89a/*" + gif(0x2A2F, 1, b"")[8:] + b"*/=1;alert(1)//;",
    }


def gif(width: int, height: int, frames: bytes) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + frames + b";"


def pause(ticks: int) -> bytes:
    """Return the duration of the next frame, in units of 10 ms."""
    return b"\x21\xf9\x04\0" + struct.pack("<H", ticks) + b"\0\0"


def image(width: int, height: int, *, left: int = 0) -> bytes:
    """Return a frame that claims this size and contains a single pixel."""
    return b"\x2c" + struct.pack("<HHHHB", left, 0, width, height, 0) + b"\x02\x02\x44\x01\0"


def webps() -> dict[str, bytes]:
    plain = sample("lossless.webp").read_bytes()
    pixel = one_pixel_webp()
    frame = bytes(12) + b"\1\0\0" + b"\0" + pixel
    canvas = bytes([2, 0, 0, 0])
    one = bytes(6)
    animation = (b"ANIM", bytes(6))
    return {
        "webp_bomb": riff(b"WEBP", (b"VP8X", canvas + b"\xff" * 6), animation, (b"ANMF", frame)),
        "webp_of_many_frames": riff(b"WEBP", (b"VP8X", canvas + one), animation, *[(b"ANMF", frame)] * MANY),
        "webp_longer_than_its_file": plain[:4] + b"\xfe\xff\xff\xff" + plain[8:],
        "webp_with_an_endless_profile": riff(b"WEBP", (b"VP8X", b"\x20\0\0\0" + one), (b"ICCP", b"x"))[:-5]
        + b"\xff\xff\xff\x7fx",
        "webp_of_an_empty_chunk": riff(b"WEBP", (b"VP8L", b"")),
        "webp_with_a_frame_outside": riff(
            b"WEBP", (b"VP8X", canvas + one), animation, (b"ANMF", b"\xff" * 6 + frame[6:])
        ),
        "webp_that_is_a_video": riff(b"AVI ", (b"LIST", b"hdrl" + bytes(64))),
        "webp_of_claimed_pixels": riff(b"WEBP", (b"VP8L", b"\x2f\xff\xff\xff\x0f" + bytes(20))),
    }


def one_pixel_webp() -> bytes:
    """Return the chunk with its pixels."""
    written = io.BytesIO()
    Image.new("RGB", (1, 1)).save(written, "WEBP", lossless=True)
    return written.getvalue()[12:]


def tiffs() -> dict[str, bytes]:
    return {
        "tiff_bomb": tiff(30_000, 30_000, zeros(30_000 * 100), {0x103: 8}),
        "tiff_wider_than_a_number": tiff(HUGE, HUGE, b"x"),
        "tiff_of_no_size": tiff(0, 0, b"x"),
        "tiff_of_one_vast_tile": tiff(10, 10, b"x", {0x142: 65_536, 0x143: 65_536, 0x144: 8, 0x145: 1}),
        "tiff_of_one_vast_strip": tiff(10_000, 10_000, b"x", {0x116: 10_000, 0x117: 2**32 - 1}),
        "tiff_of_endless_strips": tiff(10, 10, b"x", {0x116: 1, 0x111: tuple(range(10)), 0x117: (2**32 - 1,) * 10}),
        "tiff_in_a_ring": tiff_ring(),
        "tiff_of_many_pages": tiff_pages(20_000),
        "tiff_with_a_folder_outside": b"II*\0\xff\xff\xff\x7f",
        "tiff_with_a_vast_folder": b"II*\0\x08\0\0\0\xff\xff" + bytes(200),
        "tiff_with_an_endless_text": tiff(10, 10, bytes(100), {0x10E: "x" * 99}).replace(
            b"\x64\0\0\0", b"\xff\xff\xff\x7f", 1
        ),
        "tiff_of_vast_samples": tiff(10, 10, bytes(100), {0x115: 65_535, 0x102: 64}),
        "tiff_big_with_a_folder_outside": b"II+\0\x08\0\0\0" + b"\xff" * 7 + b"\x7f",
        "tiff_with_a_broken_stream": tiff(64, 64, b"\xff" * 500, {0x103: 5}),
        "tiff_of_old_jpeg": tiff(64, 64, jpeg()[:500], {0x103: 6, 0x201: 8, 0x202: 2**31 - 1}),
        "tiff_of_an_unknown_codec": tiff(64, 64, bytes(500), {0x103: 34_712}),
        "raw_in_a_ring": raw_ring(),
        "raw_with_a_preview_outside": tiff(10, 10, bytes(100), {0xC612: 1, 0x201: 2**31, 0x202: 100}),
        "raw_with_an_endless_preview": tiff(10, 10, bytes(100), {0xC612: 1, 0x201: 8, 0x202: 2**31}),
        "raw_with_a_bomb_for_a_preview": raw_bomb(),
        "raw_without_a_preview": tiff(10, 10, bytes(100), {0xC612: 1}),
    }


def tiff(width: int, height: int, data: bytes, more: dict[int, int | str | tuple[int, ...]] | None = None) -> bytes:
    file = TaggedFile()
    place = {0x111: file.put(data), 0x117: len(data), 0x116: height}
    return file.begin_at(file.folder({0x100: width, 0x101: height, **SAMPLE_DEPTH, **place, **(more or {})}))


def tiff_ring() -> bytes:
    content = bytearray(tiff(10, 10, bytes(100)))
    content[-4:] = content[4:8]  # the folder after the last one is the first
    return bytes(content)


def tiff_pages(count: int) -> bytes:
    """Return a file in which all pages have the same pixels."""
    file = TaggedFile()
    at, next_folder = file.put(bytes(100)), 0
    for _ in range(count):
        entries = {0x100: 10, 0x101: 10, **SAMPLE_DEPTH, 0x111: at, 0x117: 100, 0x116: 10}
        next_folder = file.folder(dict(entries), next_folder=next_folder)
    return file.begin_at(next_folder)


def raw_ring() -> bytes:
    """Return a raw file whose inner folders are the outer one."""
    file = TaggedFile()
    start = len(file.content)
    return file.begin_at(file.folder({0x103: 7, 0x14A: start, 0xC612: 1}, next_folder=start))


def raw_bomb() -> bytes:
    file, preview = TaggedFile(), jpegs()["jpeg_bomb"]
    return file.begin_at(file.folder({0x201: file.put(preview), 0x202: len(preview), 0xC612: 1}))
