"""Reading sounds: whatever the file is, one channel at 16 kHz, or an error that names what is wrong."""

import random
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.errors import DataError
from penjing.sounds.read import RATE, flac, read_sound
from tests.sounds.made import stored, tone


def _peak(samples):
    """Return the pitch, in hertz, of the loudest tone."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(power.argmax() * RATE / len(samples))


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        ("WAV", "PCM_16"), ("WAV", "PCM_U8"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "ULAW"),
        ("WAVEX", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None), ("AIFF", "PCM_16"),
    ],
)  # fmt: skip
def test_every_format_is_the_same_sound(kind, subtype):
    found = read_sound(stored(tone(1000.0, 1.0), kind, subtype=subtype))
    assert found.dtype == np.float32
    assert len(found) / RATE == pytest.approx(1.0, abs=0.12)  # MP3 pads
    assert _peak(found) == pytest.approx(1000, abs=10)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_every_rate_becomes_16_khz(rate):
    found = read_sound(stored(tone(1000.0, 1.0, rate=rate), rate=rate))
    assert len(found) == pytest.approx(RATE, abs=RATE * 0.01)
    assert _peak(found) == pytest.approx(1000, abs=5)


def test_channels_are_averaged():
    left = tone(1000.0)
    assert np.abs(read_sound(stored(np.stack([left, -left], axis=1)))).max() < 1e-3
    both = read_sound(stored(np.stack([left, left], axis=1), subtype="FLOAT"))
    assert np.allclose(both, left, atol=1e-6)


def test_the_content_decides_not_the_name(tmp_path):
    path = tmp_path / "sound.mp3"
    path.write_bytes(stored(tone(), "FLAC"))
    assert len(read_sound(path)) == RATE // 2


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "not a sound"),
        (b"hello, world", "not a sound"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", "not a sound"),
        (stored(np.zeros(0, np.float32)), "empty"),
        (stored(tone(rate=500, seconds=2.0), rate=500), "samples a second"),
        (stored(np.zeros((100, 40), np.float32)), "channels"),
        (stored(np.full(100, np.nan, np.float32), subtype="FLOAT"), "damaged"),
    ],
)
def test_what_is_no_sound_is_refused(content, what):
    with pytest.raises(DataError, match=what):
        read_sound(content)


def test_missing_files_folders_and_odd_names_are_refused(tmp_path):
    for source in (tmp_path / "none.wav", tmp_path, "a\0b.wav", 7):
        with pytest.raises(DataError):
            read_sound(source)


def test_a_sound_that_is_too_long_is_refused_before_it_is_read_whole():
    with pytest.raises(DataError, match="too long"):
        read_sound(stored(tone(seconds=3.0)), most_seconds=2.0)


def test_a_header_that_promises_hours_costs_nothing():
    content = bytearray(stored(tone(seconds=0.2)))
    place = content.index(b"data") + 4
    content[place : place + 4] = struct.pack("<I", 0xFFFFFFF0)
    assert len(read_sound(bytes(content))) <= RATE


def test_what_flac_wrote_is_read_again():
    samples = tone()
    assert np.abs(read_sound(flac(samples)) - samples).max() < 1e-4


@given(st.binary(max_size=400))
def test_bytes_are_a_sound_or_an_error(content):
    try:
        found = read_sound(content)
    except DataError:
        return
    assert len(found)


def test_a_thousand_damaged_files_are_answered_or_refused_in_little_memory():
    code = """
from penjing.errors import DataError
from penjing.memory import peak_memory
from penjing.sounds.read import read_sound
from tests.sounds.test_read import damaged
answered = refused = 0
for content in damaged(1_000):
    try:
        read_sound(content)
        answered += 1
    except DataError:
        refused += 1
print(answered, refused, peak_memory() // 2**20)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    answered, refused, megabytes = map(int, done.stdout.split())
    assert answered + refused == 1_000
    assert refused > 100
    assert megabytes < 512


def damaged(count):
    """Yield files with bytes changed, cut out or put in."""
    dice = random.Random(0)  # noqa: S311
    whole = [
        stored(tone(), kind, subtype=subtype)
        for kind, subtype in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None))
    ]
    for number in range(count):
        content = bytearray(whole[number % len(whole)])
        for _ in range(dice.randrange(1, 30)):
            place = dice.randrange(len(content)) if dice.random() < 0.5 else dice.randrange(min(120, len(content)))
            content[place] = dice.randrange(256)
        yield bytes(content[: dice.randrange(1, len(content))]) if number % 3 == 0 else bytes(content)
