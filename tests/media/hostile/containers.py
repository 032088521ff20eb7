"""Videos and images in boxes with false sizes, circular references, or references to other files."""

import io
import struct
from functools import cache

import pillow_heif
from PIL import Image

from tests.media.hostile.chunks import box, element, full_box, nested, zeros
from tests.media.hostile.trap import Trap

DEEP = 100_000
EBML_HEAD = element(b"\x1a\x45\xdf\xa3", element(b"\x42\x82", b"matroska"))
SEGMENT, INFO, TRACKS, TRACK, CLUSTER = (
    b"\x18\x53\x80\x67",
    b"\x15\x49\xa9\x66",
    b"\x16\x54\xae\x6b",
    b"\xae",
    b"\x1f\x43\xb6\x75",
)
ATTACHMENTS, ATTACHED, VOID = b"\x19\x41\xa4\x69", b"\x61\xa7", b"\xec"


@cache
def heic() -> bytes:
    written = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (128, 96), (30, 160, 90))).save(written, quality=60)
    return written.getvalue()


@cache
def avif() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (128, 96), (30, 160, 90)).save(written, "AVIF", quality=60)
    return written.getvalue()


def with_size(content: bytes, width: int, height: int) -> bytes:
    """Replace the image size in the `ispe` box."""
    at = content.index(b"ispe") + 8
    return content[:at] + struct.pack(">LL", width, height) + content[at + 8 :]


def stretched(content: bytes, name: bytes, size: int) -> bytes:
    """Replace the size of the box with this name."""
    at = content.index(name) - 4
    return content[:at] + struct.pack(">L", size) + content[at + 4 :]


def images() -> dict[str, bytes]:
    brand = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    return {
        "heic_bomb": with_size(heic(), 60_000, 60_000),
        "heic_wider_than_a_number": with_size(heic(), 2**31, 2**31),
        "heic_of_no_size": with_size(heic(), 0, 0),
        "heic_larger_than_its_pixels": with_size(heic(), 9_000, 9_000),
        "heic_with_an_endless_box": stretched(heic(), b"meta", 2**32 - 1),
        "heic_with_an_endless_list": stretched(heic(), b"iloc", 2**31 - 1),
        "heic_without_pixels": heic()[: heic().index(b"mdat") + 4],
        "heic_of_nested_boxes": brand + nested(b"meta", DEEP),
        "heic_of_deep_properties": brand + full_box(b"meta", nested(b"ipco", 10_000)),
        "heic_of_many_items": brand + full_box(b"meta", items(60_000)),
        "heic_that_is_made_of_itself": of_itself(),
        "heic_of_nothing": brand,
        "heic_of_an_unknown_codec": heic().replace(b"hvc1", b"vvc1"),
        "avif_bomb": with_size(avif(), 60_000, 60_000),
        "avif_larger_than_its_pixels": with_size(avif(), 9_000, 9_000),
        "avif_with_an_endless_box": stretched(avif(), b"iprp", 2**32 - 1),
        "avif_without_pixels": avif()[: avif().index(b"mdat") + 4],
        "avif_labelled_as_heic": avif().replace(b"ftypavif", b"ftypheic"),
        "heic_labelled_as_avif": heic().replace(b"ftypheic", b"ftypavif"),
    }


def items(count: int) -> bytes:
    entries = b"".join(
        full_box(b"infe", struct.pack(">HH4s", number, 0, b"hvc1"), b"\0", version=2) for number in range(1, count)
    )
    return full_box(b"iinf", struct.pack(">H", count - 1), entries)


def of_itself() -> bytes:
    """Return an image that is derived from itself."""
    handler = full_box(b"hdlr", bytes(4), b"pict", bytes(13))
    primary = full_box(b"pitm", struct.pack(">H", 1))
    entry = full_box(b"infe", struct.pack(">HH4s", 1, 0, b"iden"), b"\0", version=2)
    info = full_box(b"iinf", struct.pack(">H", 1), entry)
    reference = full_box(b"iref", box(b"dimg", struct.pack(">HHH", 1, 1, 1)))
    size = box(b"ipco", full_box(b"ispe", struct.pack(">LL", 64, 64)))
    linked = full_box(b"ipma", struct.pack(">LHBB", 1, 1, 1, 1))
    place = full_box(b"iloc", b"\x44\0" + struct.pack(">HHHH", 1, 1, 0, 0))
    parts = handler, primary, place, info, reference, box(b"iprp", size, linked)
    return box(b"ftyp", b"mif1", bytes(4), b"mif1heic") + full_box(b"meta", *parts)


def videos(trap: Trap) -> dict[str, bytes]:
    brand = box(b"ftyp", b"isom", bytes(4), b"isomavc1")
    pointer = trap.url.encode() + b"\0"
    secret = f"file://{trap.secret}".encode() + b"\0"
    return {
        "mp4_of_nothing": brand,
        "mp4_of_nested_boxes": brand + nested(b"moov", DEEP),
        "mp4_of_nested_tracks": brand + box(b"moov", nested(b"trak", DEEP)),
        "mp4_of_nested_media": brand + box(b"moov", box(b"trak", nested(b"mdia", DEEP))),
        "mp4_of_endless_samples": brand + movie(samples=2**32 - 1),
        "mp4_of_samples_outside": brand + movie(at=2**32 - 1),
        "mp4_of_endless_times": brand + movie(times=2**32 - 1),
        "mp4_of_many_tracks": brand + box(b"moov", track() * 5_000),
        "mp4_of_vast_pixels": brand + movie(width=65_535, height=65_535),
        "mp4_that_points_to_a_server": brand + movie(data=full_box(b"url ", pointer)),
        "mp4_that_points_to_a_file": brand + movie(data=full_box(b"url ", secret)),
        "mov_that_refers_to_a_server": box(b"moov", box(b"rmra", box(b"rmda", reference(pointer)))),
        "mov_that_refers_to_a_file": box(b"moov", box(b"rmra", box(b"rmda", reference(secret)))),
        "mov_of_a_squeezed_index": box(b"moov", squeezed_index()),
        "mp4_of_a_box_without_end": brand + b"\0\0\0\x01moov" + b"\xff" * 8 + bytes(64),
        "mp4_of_one_chapter_too_many": brand + box(b"moov", box(b"udta", full_box(b"chpl", b"\xff" * 300))),
    }


def reference(pointer: bytes) -> bytes:
    return full_box(b"rdrf", b"url ", struct.pack(">L", len(pointer)), pointer)


def squeezed_index() -> bytes:
    """Return QuickTime's compressed movie header, which expands to 200 MB."""
    return box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", struct.pack(">L", 200 << 20), zeros(200 << 20)))


def movie(**options: object) -> bytes:
    return box(b"moov", full_box(b"mvhd", bytes(8), struct.pack(">LL", 1000, 1000), bytes(80)), track(**options))  # type: ignore[arg-type]  # passed on unchanged


def track(
    *,
    width: int = 64,
    height: int = 64,
    samples: int = 1,
    times: int = 1,
    at: int = 100,
    data: bytes = b"\0\0\0\x0curl \0\0\0\x01",
) -> bytes:
    """Return an H.264 track, in which one argument is false."""
    head = full_box(b"tkhd", bytes(8), struct.pack(">L", 1), bytes(64), struct.pack(">LL", width << 16, height << 16))
    visual = bytes(6) + struct.pack(">H", 1) + bytes(16) + struct.pack(">HH", width, height) + bytes(50)
    table = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">L", 1), box(b"avc1", visual)),
        full_box(b"stts", struct.pack(">LLL", times, 1, 1000)),
        full_box(b"stsc", struct.pack(">LLLL", 1, 1, 1, 1)),
        full_box(b"stsz", struct.pack(">LL", 0, samples), bytes(4)),
        full_box(b"stco", struct.pack(">LL", 1, at)),
    )
    where = box(b"dinf", full_box(b"dref", struct.pack(">L", 1), data))
    media = box(
        b"mdia",
        full_box(b"mdhd", bytes(8), struct.pack(">LL", 1000, 1000), bytes(4)),
        full_box(b"hdlr", bytes(4), b"vide", bytes(13)),
        box(b"minf", full_box(b"vmhd", bytes(8), flags=1), where, table),
    )
    return box(b"trak", head, media)


def matroskas() -> dict[str, bytes]:
    return {
        "mkv_of_nothing": EBML_HEAD,
        "mkv_of_an_endless_segment": EBML_HEAD + element(SEGMENT, bytes(64), claimed=2**56 - 2),
        "mkv_of_endless_info": EBML_HEAD + element(SEGMENT, element(INFO, bytes(64), claimed=2**50)),
        "mkv_of_nested_segments": EBML_HEAD + b"".join(SEGMENT + b"\x01" + b"\xff" * 7 for _ in range(DEEP)),
        "mkv_of_nested_tags": EBML_HEAD + element(SEGMENT, nested_tags(2_000)),
        "mkv_of_many_tracks": EBML_HEAD + element(SEGMENT, element(TRACKS, element(TRACK, b"\xd7\x81\x01") * 50_000)),
        "mkv_of_many_voids": EBML_HEAD + element(SEGMENT, element(VOID, b"") * DEEP),
        "mkv_with_a_vast_attachment": EBML_HEAD + element(SEGMENT, attachment(bytes(8 << 20))),
        "mkv_with_an_endless_attachment": EBML_HEAD + element(SEGMENT, attachment(b"x", claimed=2**40)),
        "mkv_of_squeezed_frames": EBML_HEAD + element(SEGMENT, element(TRACKS, squeezed_track()) + squeezed_frame()),
        "mkv_of_vast_pixels": EBML_HEAD + element(SEGMENT, element(TRACKS, video_track(b"", width=2**32 - 1))),
        "mkv_that_is_text": EBML_HEAD + b"#EXTM3U\n" * 1_000,
    }


def nested_tags(depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = element(b"\x67\xc8", content)
    return element(b"\x12\x54\xc3\x67", element(b"\x73\x73", content))


def attachment(content: bytes, *, claimed: int | None = None) -> bytes:
    named = element(b"\x46\x6e", b"../../../../etc/passwd") + element(b"\x46\x60", b"application/x-truetype-font")
    return element(ATTACHMENTS, element(ATTACHED, named + element(b"\x46\x5c", content, claimed=claimed)))


def video_track(more: bytes, *, width: int = 64) -> bytes:
    pixels = element(b"\xe0", element(b"\xb0", width.to_bytes(4, "big")) + element(b"\xba", width.to_bytes(4, "big")))
    return element(TRACK, b"\xd7\x81\x01\x73\xc5\x81\x01\x83\x81\x01" + element(b"\x86", b"V_VP9") + pixels + more)


def squeezed_track() -> bytes:
    """Return a track whose frames are deflated (ContentCompAlgo 0)."""
    compression = element(b"\x50\x34", element(b"\x42\x54", b"\0"))
    return video_track(element(b"\x6d\x80", element(b"\x62\x40", compression)))


def squeezed_frame() -> bytes:
    return element(CLUSTER, element(b"\xe7", b"\0") + element(b"\xa3", b"\x81\0\0\x80" + zeros(200 << 20)))
