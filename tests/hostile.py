"""Image files that nobody's camera makes: damaged at random, put together from nonsense, made to explode."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st
from PIL import Image

_SQUARES = np.random.default_rng(0).integers(0, 2, (6, 6), np.uint8) * 255
_DRAWING = Image.fromarray(np.kron(_SQUARES, np.ones((5, 5), np.uint8)))
_TURNED = Image.Exif()
_TURNED[0x0112] = 6


def encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    """The file's bytes."""
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def _moving(image_format: str, frames: int) -> bytes:
    others = [_DRAWING.rotate(90 * n).convert("RGBA") for n in range(1, frames)]
    return encoded(_DRAWING.convert("RGBA"), image_format, save_all=True, append_images=others)


FILES = {
    "PNG": encoded(_DRAWING, "PNG", exif=_TURNED),
    "PNG with palette": encoded(_DRAWING.convert("P"), "PNG", transparency=3),
    "PNG with 16 bits": encoded(Image.fromarray(np.asarray(_DRAWING).astype(np.uint16) * 257), "PNG"),
    "moving PNG": _moving("PNG", 3),
    "JPEG": encoded(_DRAWING.convert("RGB"), "JPEG", exif=_TURNED),
    "progressive JPEG": encoded(_DRAWING, "JPEG", progressive=True),
    "JPEG for print": encoded(_DRAWING.convert("CMYK"), "JPEG"),
    "plain WebP": encoded(_DRAWING.convert("RGB"), "WEBP"),
    "WebP": encoded(_DRAWING.convert("RGB"), "WEBP", exif=_TURNED),
    "exact WebP": encoded(_DRAWING.convert("RGBA"), "WEBP", lossless=True),
    "moving WebP": _moving("WEBP", 3),
    "BMP": encoded(_DRAWING, "BMP"),
    "BMP with 1 bit": encoded(_DRAWING.convert("1"), "BMP"),
    "BMP with colours": encoded(_DRAWING.convert("RGB"), "BMP"),
}
"""Sound files of every format."""


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, chunks: bytes, bits: int = 8, colour: int = 0, interlaced: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + chunks + png_chunk(b"IEND", b"")


def png_pixels(width: int, height: int, pixel_bytes: int = 1) -> bytes:
    """All of them 0, as small as can be."""
    return png_chunk(b"IDAT", zlib.compress(bytes(height * (1 + width * pixel_bytes)), 9))


def jpeg_segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def bmp(header_size: int, width: int, height: int, bits: int, compression: int, rest: bytes) -> bytes:
    header = struct.pack("<IiiHHI", header_size, width, height, 1, bits, compression)
    return b"BM" + struct.pack("<IHHI", 14 + len(header + rest), 0, 0, 14 + header_size) + header + rest


_numbers = st.sampled_from([0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
_sizes = st.integers(0, 40) | _numbers
_content = st.binary(max_size=60) | st.binary(max_size=60).map(zlib.compress)


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    """A sound file with bits turned, numbers replaced, and pieces lost, put in or taken from another file."""
    data = bytearray(draw(st.sampled_from([*FILES.values()])))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        match draw(st.integers(0, 5)):
            case 0:
                del data[place:]
            case 1:
                del data[place : place + draw(st.integers(1, 60))]
            case 2:
                data[place:place] = draw(st.binary(min_size=1, max_size=60))
            case 3:
                data[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case 4:
                order = draw(st.sampled_from("<>"))
                data[place : place + 4] = struct.pack(f"{order}I", draw(_numbers))
            case _:
                other = draw(st.sampled_from([*FILES.values()]))
                data[place:] = other[draw(st.integers(0, len(other))) :]
    return bytes(data)


_png_kinds = b"PLTE tRNS gAMA cHRM sRGB pHYs tEXt zTXt iTXt iCCP eXIf acTL fcTL fdAT IDAT IEND abCd".split()
_png_chunks = st.builds(png_chunk, st.sampled_from(_png_kinds), _content)
_pngs = st.builds(
    png,
    _sizes,
    _sizes,
    st.lists(_png_chunks | st.just(png_pixels(30, 30)), max_size=6).map(b"".join),
    st.sampled_from([1, 2, 4, 8, 16, 3]),
    st.sampled_from([0, 2, 3, 4, 6, 1]),
    st.integers(0, 2),
)

_names = [b"", b"JFIF\0", b"Exif\0\0II*\0\x08\0\0\0", b"MPF\0MM\0*\0\0\0\x08", b"ICC_PROFILE\0\x01\x01"]
_names += [b"Photoshop 3.0\0" + b"8BIM\x03\xed\0\0", b"Adobe\0", b"http://ns.adobe.com/xap/1.0/\0"]
_jpegs = st.builds(
    lambda segments, file: b"\xff\xd8" + b"".join(segments) + file[2:],
    st.lists(
        st.builds(
            lambda marker, name, content: jpeg_segment(marker, name + content),
            st.integers(0xC0, 0xFE),
            st.sampled_from(_names),
            _content,
        ),
        max_size=4,
    ),
    st.sampled_from([FILES["JPEG"], FILES["progressive JPEG"], FILES["JPEG for print"]]),
)

_webp_kinds = [b"VP8X", b"VP8 ", b"VP8L", b"ANIM", b"ANMF", b"ALPH", b"EXIF", b"XMP ", b"ICCP"]
_webp_size = bytes([29, 0, 0]) * 2
_webps = st.lists(
    st.tuples(st.sampled_from(_webp_kinds), _content)
    | st.tuples(st.just(b"VP8X"), st.binary(min_size=1, max_size=1).map(lambda f: f + bytes(3) + _webp_size))
    | st.just((b"VP8 ", FILES["plain WebP"][20:])),
    max_size=5,
).map(lambda chunks: webp(*chunks))

_bmps = st.builds(
    bmp,
    st.sampled_from([12, 40, 52, 56, 64, 108, 124, 0]),
    st.integers(-40, 40) | st.just(2**31 - 1),
    st.integers(-40, 40) | st.just(-(2**31)),
    st.sampled_from([1, 2, 4, 8, 16, 24, 32, 0]),
    st.integers(0, 6),
    st.binary(max_size=60).map(lambda piece: bytes(20) + 100 * piece),
)

hostile_files = (_damaged() | _pngs | _jpegs | _webps | _bmps | st.binary(max_size=100)).filter(len)
"""Any bytes, with something of an image about them; never none at all."""


def _of_many_scans() -> bytes:
    """A progressive JPEG of 1000 x 1000 pixels that is gone through again and again."""
    blocks = 125 * 125
    code = bytes([1] + [0] * 15)  # of one symbol, by one bit
    start = jpeg_segment(0xDB, bytes([0] + [1] * 64)) + jpeg_segment(
        0xC2, struct.pack(">BHHB", 8, 1000, 1000, 1) + bytes([1, 0x11, 0])
    )
    tables = jpeg_segment(0xC4, bytes([0x00]) + code + b"\0") + jpeg_segment(0xC4, b"\x10" + code + b"\xe0")
    first = jpeg_segment(0xDA, bytes([1, 1, 0, 0, 0, 0])) + bytes(blocks // 8) + b"\x7f"
    again = jpeg_segment(0xDA, bytes([1, 1, 0, 1, 63, 0])) + b"\x7f\xff\0"  # all blocks end in one run
    return b"\xff\xd8" + start + tables + first + again * 20_000 + b"\xff\xd9"


def _of_one_vast_frame() -> bytes:
    side = struct.pack("<I", 16_383)[:3]
    frame = bytes(6) + bytes([29, 0, 0]) * 2 + bytes(4) + FILES["WebP"][12:]
    return webp((b"VP8X", bytes([2, 0, 0, 0]) + side * 2), (b"ANIM", bytes(6)), (b"ANMF", frame))


def _with_overlapping_metadata() -> bytes:
    """A thousand tags that all have the whole of the metadata as their value."""
    tags, size = 1000, 200_000
    entries = b"".join(struct.pack("<HHII", 0x8000 + tag, 1, size, 0) for tag in range(tags))
    exif = b"II*\0" + struct.pack("<IH", 8, tags) + entries + bytes(size)
    return png(30, 30, png_chunk(b"eXIf", exif) + png_pixels(30, 30))


def _with_text(kind: bytes, head: bytes, times: int) -> bytes:
    chunk = png_chunk(kind, head + zlib.compress(bytes(20_000_000), 9))
    return png(30, 30, chunk * times + png_pixels(30, 30))


BOMBS: dict[str, Callable[[], bytes]] = {
    "PNG that claims to be vast": lambda: png(2**31 - 1, 2**31 - 1, png_pixels(30, 30)),
    "PNG that is vast": lambda: png(6000, 5000, png_pixels(6000, 5000)),
    "PNG of text": lambda: _with_text(b"zTXt", b"a\0\0", 50),
    "PNG of international text": lambda: _with_text(b"iTXt", b"a\0\x01\0\0\0", 50),
    "PNG of colours": lambda: _with_text(b"iCCP", b"a\0\0", 1),
    "PNG of metadata": _with_overlapping_metadata,
    "PNG of chunks": lambda: png(30, 30, png_chunk(b"abCd", b"") * 50_000 + png_pixels(30, 30)),
    "moving PNG": lambda: _moving("PNG", 300),
    "moving WebP": lambda: _moving("WEBP", 300),
    "WebP that claims to be vast": _of_one_vast_frame,
    "JPEG that claims to be vast": lambda: FILES["JPEG"].replace(
        struct.pack(">HH", 30, 30), struct.pack(">HH", 65_500, 65_500)
    ),
    "JPEG of scans": _of_many_scans,
    "JPEG of metadata": lambda: b"\xff\xd8" + jpeg_segment(0xE1, b"Exif\0\0" + bytes(60_000)) * 100,
    "BMP that claims to be vast": lambda: bmp(40, 2**31 - 1, 2**31 - 1, 24, 0, bytes(60)),
    "BMP that claims to be vast and upside down": lambda: bmp(40, 60_000, -60_000, 1, 0, bytes(60)),
    "BMP that claims to be vast and packed": lambda: bmp(40, 6000, 5000, 8, 1, bytes(60)),
}
"""Small files that ask for much."""
