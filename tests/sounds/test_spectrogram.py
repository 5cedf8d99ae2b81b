"""The spectrogram: Whisper's features, and what a model reads of short, long, quiet and silent sounds."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import WhisperFeatureExtractor
from transformers.audio_utils import mel_filter_bank

from penjing.sounds.mel import _in_bands, log_mel
from penjing.sounds.read import RATE
from penjing.sounds.spectrogram import Spectrogram, loudest
from tests.sounds.made import stored, tone

HEARD = Spectrogram(bands=32, moments=50, seconds=0.5)


@pytest.mark.parametrize(("bands", "window"), [(80, 400), (64, 500), (128, 800)])
def test_the_bands_are_those_of_slaney(bands, window):
    expected = mel_filter_bank(window // 2 + 1, bands, 0.0, RATE / 2, RATE, norm="slaney", mel_scale="slaney")
    power = np.random.default_rng(0).random((5, window // 2 + 1))
    assert np.abs(_in_bands(power, bands, window) - power @ expected).max() < 1e-9


@pytest.mark.parametrize("bands", [80, 128])
def test_the_features_are_those_of_whisper(bands):
    samples = np.concatenate([tone(300.0, 20.0), np.zeros(10 * RATE, np.float32)])
    theirs = WhisperFeatureExtractor(feature_size=bands)(samples, sampling_rate=RATE, return_tensors="np")
    ours = (log_mel(samples, bands=bands, hop=160, window=400) + 4) / 4
    assert np.abs(theirs.input_features[0] - ours).max() < 1e-4


def test_loudness_does_not_matter_and_pitch_does():
    loud, quiet = (HEARD.picture(level * tone(400.0)) for level in (1.0, 0.05))
    assert np.abs(loud.astype(int) - quiet).max() <= 1
    bands = [
        int(HEARD.picture(tone(hertz))[:, 10:40].mean(axis=(1, 2)).argmax()) for hertz in (300.0, 1_000.0, 4_000.0)
    ]
    assert bands == sorted(set(bands))


def test_silence_is_dark():
    assert HEARD.picture(np.zeros(RATE, np.float32)).max() < 100


def test_of_a_long_sound_the_loudest_part_is_read():
    samples = np.concatenate([0.01 * tone(200.0, 2.0), tone(1_000.0, 0.5), 0.01 * tone(200.0, 2.0)])
    begin = loudest(samples, HEARD.length)
    assert begin / RATE == pytest.approx(2.0, abs=0.02)
    found = HEARD.read(stored(samples, subtype="FLOAT"))
    assert found.shape == HEARD.shape
    assert np.abs(found.astype(int) - HEARD.picture(samples[begin : begin + HEARD.length])).max() <= 1


@given(st.integers(1, 60_000))
def test_windows_cover_every_sample_and_none_is_longer_than_what_is_heard(count):
    found = list(HEARD.windows(count))
    assert found[0][0] == 0
    assert found[-1][1] == count
    assert all(0 < end - begin <= HEARD.length for begin, end in found)
    assert all(after[0] <= before[1] for before, after in itertools.pairwise(found))


def test_pixels_that_were_read_stay_as_they_are():
    pixels = HEARD.picture(tone())
    assert HEARD.read(pixels) is pixels
