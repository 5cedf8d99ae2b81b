"""Reading pictures: whatever the file is, an upright RGB or grey picture, or an error that names what is wrong."""

import random
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from penjing.errors import DataError
from penjing.pictures.frame import Frame, framed, png
from penjing.pictures.read import read_picture
from tests.pictures.drawn import drawn, stored


@pytest.mark.parametrize(
    ("kind", "mode", "told"),
    [
        ("PNG", "RGB", {}), ("PNG", "L", {}), ("PNG", "P", {}), ("PNG", "1", {}), ("PNG", "RGBA", {}),
        ("PNG", "LA", {}), ("JPEG", "RGB", {}), ("JPEG", "L", {}), ("JPEG", "CMYK", {}),
        ("JPEG", "RGB", {"progressive": True}), ("GIF", "P", {}), ("BMP", "RGB", {}), ("WEBP", "RGB", {}),
        ("WEBP", "RGBA", {"lossless": True}),
    ],
)  # fmt: skip
def test_every_format_and_mode_becomes_rgb_or_grey_with_the_same_content(kind, mode, told):
    found = read_picture(stored(drawn(mode), kind, **told))
    assert found.mode == ("L" if mode in {"L", "1", "LA"} else "RGB")
    values = np.asarray(found.convert("L"), float)
    assert values[:14, :19].mean() > 150
    assert values[16:, 21:].mean() < 110


def test_a_turned_photograph_is_set_upright():
    image = drawn()
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: 90 degrees clockwise puts it right
    found = read_picture(stored(image, "JPEG", exif=exif, quality=95))
    assert found.size == (30, 40)
    assert np.asarray(found.convert("L"), float)[:19, 16:].mean() > 150


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_cost_the_picture():
    assert read_picture(stored(drawn(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")).size == (40, 30)


def test_transparent_ground_becomes_white():
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert read_picture(stored(image)).getpixel((4, 4)) == (255, 255, 255)
    palette = Image.new("P", (8, 8), 0)
    assert read_picture(stored(palette, "PNG", transparency=0)).getpixel((4, 4)) == (255, 255, 255)


def test_sixteen_bit_greys_keep_their_upper_half():
    wide = Image.fromarray(np.full((4, 4), 40_000, np.uint16))
    assert read_picture(stored(wide)).getpixel((0, 0)) == 40_000 // 257


def test_an_animation_is_its_first_frame():
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "blue")]
    content = stored(frames[0], "GIF", save_all=True, append_images=frames[1:])
    red, _, blue = read_picture(content).getpixel((2, 2))
    assert red > 200
    assert blue < 50


def test_the_content_decides_not_the_name(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(stored(drawn()))
    assert read_picture(path).size == (40, 30)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "not a picture"),
        (b"hello, world", "not a picture"),
        (b"%PDF-1.7 and more", "not a picture"),
        (stored(drawn(), "TIFF"), "not a picture"),
        (stored(drawn(size=(400, 300)), "PNG")[:300], "damaged"),
        (stored(drawn(size=(400, 300)), "JPEG")[:900], "damaged"),
        (stored(Image.new("1", (2000, 3))), "a mere line"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(content, what):
    with pytest.raises(DataError, match=what):
        read_picture(content)


def test_a_missing_file_a_folder_and_a_device_are_named(tmp_path):
    for path in (tmp_path / "none.png", tmp_path, "a\0b", "/dev/zero"):
        with pytest.raises(DataError, match=r"cannot be opened|not a file"):
            read_picture(path)


def _png_that_says(width, height):
    """Return a small PNG file whose head promises more pixels than it has."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [6_000, 25_000, 100_000])
def test_a_bomb_is_refused_before_it_is_unpacked(side):
    with pytest.raises(DataError, match=r"too many pixels|damaged"):
        read_picture(_png_that_says(side, side))


def test_a_large_jpeg_is_decoded_small():
    content = stored(Image.new("RGB", (6_000, 5_000), "teal"), "JPEG")
    found = read_picture(content)
    assert found.size == (3_000, 2_500)
    assert framed(content, Frame(size=64)).shape == (64, 64, 3)


def test_frames_cover_or_stretch():
    image = stored(drawn(size=(60, 20)))
    assert framed(image, Frame(size=10)).shape == (10, 10, 3)
    assert framed(image, Frame(size=10, channels=1, way="stretch", resample="bilinear")).shape == (10, 10, 1)
    middle = np.asarray(drawn(size=(60, 20)))[:, 20:40]
    assert np.array_equal(framed(image, Frame(size=20)), middle)


def test_what_is_framed_is_not_cut_again():
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[0] = 255
    frame = Frame(size=8, share=0.5)
    for source in (pixels, png(pixels)):
        assert framed(source, frame)[0].mean() > 60
    assert framed(stored(Image.fromarray(pixels)), frame)[0].mean() == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_framed_pixels_stay_the_same_through_a_file(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, channels)).astype(np.uint8)
    assert np.array_equal(framed(png(pixels), Frame(size=12, channels=channels)), pixels)


_FUZZ = """
import random
from penjing.errors import DataError
from penjing.memory import peak_memory
from penjing.pictures.frame import Frame, framed
from tests.pictures.drawn import drawn, stored
from tests.pictures.test_read import damaged

chance, answered, refused = random.Random(7), 0, 0
for number in range(1000):
    try:
        assert framed(damaged(chance), Frame(size=16)).shape == (16, 16, 3)
        answered += 1
    except DataError as error:
        assert str(error)
        refused += 1
print(answered, refused, peak_memory())
"""


def damaged(chance):
    """Return the file of a picture that something happened to: cut, bytes changed, repeated, swapped or made up."""
    kind = chance.choice(["PNG", "JPEG", "GIF", "BMP", "WEBP"])
    content = bytearray(stored(drawn(size=(chance.randint(1, 90), chance.randint(1, 90)), seed=1), kind))
    way = chance.randrange(6)
    if way == 0:
        del content[chance.randrange(len(content)) :]
    elif way == 1:
        for _ in range(chance.randint(1, 30)):
            content[chance.randrange(len(content))] = chance.randrange(256)
    elif way == 2:  # sizes in the head
        place = chance.randrange(min(40, len(content)))
        content[place : place + 4] = chance.randbytes(4)
    elif way == 3:
        start = chance.randrange(len(content))
        content[start:start] = content[: chance.randrange(len(content))]
    elif way == 4:
        content = bytearray(_png_that_says(chance.randint(1, 2**31 - 1), chance.randint(1, 2**31 - 1)))
    else:
        content = bytearray(content[:12] + chance.randbytes(200))
    return bytes(content)


def test_a_thousand_damaged_files_are_answered_or_refused_within_the_memory():
    done = subprocess.run([sys.executable, "-c", _FUZZ], capture_output=True, text=True, check=True, timeout=120)
    answered, refused, peak = map(int, done.stdout.split())
    assert answered + refused == 1000
    assert min(answered, refused) > 100
    assert peak < 512 * 2**20
    assert not done.stderr


_LARGEST = """
import sys
from PIL import Image
from penjing.memory import peak_memory
from penjing.pictures.read import read_picture

print(read_picture(sys.argv[1]).size, peak_memory())
"""


@pytest.mark.parametrize(
    ("kind", "mode", "size", "told"),
    [
        ("WEBP", "RGBA", (4_000, 4_000), {"lossless": True, "quality": 0, "method": 0}),
        ("PNG", "RGBA", (4_000, 4_000), {"compress_level": 1}),
        ("JPEG", "CMYK", (8_000, 6_200), {"progressive": True}),
    ],
)
def test_the_largest_pictures_stay_within_the_memory(tmp_path, kind, mode, size, told):
    path = tmp_path / "large"
    Image.new(mode, size, (90, 20, 160, 128)).save(path, kind, **told)
    done = subprocess.run(
        [sys.executable, "-c", _LARGEST, str(path)], capture_output=True, text=True, check=True, timeout=120
    )
    assert int(done.stdout.split()[-1]) < 512 * 2**20


def test_random_bytes_after_every_signature_are_refused():
    chance = random.Random(3)  # noqa: S311 (damage, not a secret)
    heads = [stored(drawn(), kind)[:16] for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP")]
    for head in heads:
        with pytest.raises(DataError):
            read_picture(head + chance.randbytes(300))
