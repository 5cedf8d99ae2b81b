"""What Whisper says becomes segments with times, and the next window begins where it should."""

from hypothesis import given
from hypothesis import strategies as st

from penjing.transcription.model import Transcript
from penjing.transcription.segments import Piece, Segment, pieces_of
from penjing.transcription.subtitles import FORMATS, as_srt, as_vtt

FIRST = 1_000


def _at(seconds):
    return FIRST + round(seconds / 0.02)


def test_complete_pieces_and_one_that_goes_on():
    tokens = [_at(0), 5, 6, _at(2.5), _at(2.5), 7, _at(4), _at(4), 8]
    found, on = pieces_of(tokens, first_timestamp=FIRST, window_s=30.0)
    assert found == [Piece(0.0, 2.5, (5, 6)), Piece(2.5, 4.0, (7,))]
    assert on == 4.0


def test_speech_that_has_only_begun_is_heard_again():
    tokens = [_at(0), 5, _at(27), _at(27)]
    assert pieces_of(tokens, first_timestamp=FIRST, window_s=30.0) == ([Piece(0.0, 27.0, (5,))], 27.0)
    assert pieces_of(tokens[:-1], first_timestamp=FIRST, window_s=30.0) == ([Piece(0.0, 27.0, (5,))], 30.0)


def test_one_piece_without_an_end_takes_the_window():
    assert pieces_of([_at(1), 5], first_timestamp=FIRST, window_s=7.0) == ([Piece(1.0, 7.0, (5,))], 7.0)
    assert pieces_of([5, 6], first_timestamp=FIRST, window_s=7.0) == ([Piece(0.0, 7.0, (5, 6))], 7.0)


def test_nothing_said_goes_on_with_the_next_window():
    assert pieces_of([], first_timestamp=FIRST, window_s=30.0) == ([], 30.0)
    assert pieces_of([_at(0), _at(12)], first_timestamp=FIRST, window_s=30.0) == ([], 30.0)


@given(st.lists(st.integers(0, FIRST + 1_600), max_size=60), st.floats(0.1, 30.0))
def test_whatever_it_says_time_goes_on_and_stays_in_the_window(tokens, window_s):
    found, on = pieces_of(tokens, first_timestamp=FIRST, window_s=window_s)
    assert 0 < on <= window_s
    assert all(0 <= piece.start <= piece.end <= window_s for piece in found)
    assert all(piece.tokens and max(piece.tokens) < FIRST for piece in found)


def test_subtitles():
    said = Transcript("Hi. 你好", "en", 3.0, (Segment(0.0, 1.25, "Hi."), Segment(1.25, 3.0, "你好 <b> --> x")))
    assert as_srt(said) == (
        "1\n00:00:00,000 --> 00:00:01,250\nHi.\n\n2\n00:00:01,250 --> 00:00:03,000\n你好 <b> --> x\n"
    )
    vtt = as_vtt(said)
    assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nHi.\n")
    assert "你好 &lt;b> --&gt; x" in vtt
    assert FORMATS["text"](said) == "Hi. 你好\n"
    assert FORMATS["json"](said).count("\n") == 1
