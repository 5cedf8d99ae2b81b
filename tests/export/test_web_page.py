"""The exported page in a real browser: the same labels as here, offline, and pictures framed byte for byte."""

import shutil
from base64 import b64encode
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image

from penjing.bundle.read import load
from penjing.export.web import export_web
from penjing.pictures.frame import Frame, framed
from tests.export.word_bundle import TEXTS, write_words
from tests.pictures.drawn import drawn
from tests.serve.picture_bundle import half, write_halves
from tests.serve.running import until

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-page")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MODULES = Path(__file__).parents[2] / ".web" / "node_modules"
FIRST_ANSWER_S = 20.0  # how long a test waits; what it takes is measured, not tested

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: make test-page"),
    pytest.mark.skipif(not MODULES.is_dir(), reason="the runtime for browsers is not installed: make test-page"),
]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing."""

    def log_message(self, *told):
        pass


@contextmanager
def served(folder):
    """Yield the address of a static server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", server
    finally:
        server.shutdown()
        server.server_close()


def ready(page):
    """Wait until the model is there."""
    page.wait_for_selector("#go:not([disabled])", timeout=FIRST_ANSWER_S * 1e3)


@contextmanager
def opened(browser, url, **settings):
    """Yield the page once the model is there; nothing may have gone elsewhere or failed."""
    context = browser.new_context(**{"locale": "en-US"} | settings)
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: None if asked.url.startswith((url, "data:", "blob:")) else wrong.append(asked.url))
    page.goto(url)
    ready(page)
    yield page
    context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    bundle = write_words(folder)
    export_web(bundle, folder / "site", modules=MODULES)
    return bundle, folder / "site"


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    folder = tmp_path_factory.mktemp("halves")
    bundle = write_halves(folder)
    export_web(bundle, folder / "site", modules=MODULES)
    return bundle, folder / "site"


def test_texts_are_answered_as_here(browser, texts):
    bundle = load(texts[0])
    asked = [*TEXTS, "", "  two  spaces ", "ÄÖÜ é ﬁ 你好 😀", "a " * 300]
    with served(texts[1]) as (url, _), opened(browser, url) as page:
        found = page.evaluate("async (texts) => Promise.all(texts.map((text) => penjing.logits(text)))", asked)
        assert np.abs(np.array(found) - bundle.logits(asked)).max() < 1e-3
        page.fill("#text", asked[0])
        page.click("#go")
        page.locator("#answer li").first.wait_for()
        page.click("#verify")
        page.get_by_text(f"0 of {len(TEXTS)} labels differ").wait_for()
        page.select_option("#language", "zh")
        page.get_by_text("在这台设备上").wait_for()


def test_it_answers_without_a_network(browser, texts):
    with served(texts[1]) as (url, server):
        context = browser.new_context(locale="en-US")
        page = context.new_page()
        page.goto(url)
        ready(page)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        until(lambda: page.evaluate("caches.keys().then((names) => names.length)") == 1)
        page.reload()
        until(lambda: page.evaluate("Boolean(navigator.serviceWorker.controller)"))
        server.shutdown()
        server.server_close()
        page.reload()
        ready(page)
        assert page.evaluate("penjing.classify('a text').then((found) => found.label)")
        context.close()


def test_pictures_are_answered_as_here(browser, halves, tmp_path):
    _, site = halves
    for label in ("upper", "lower"):
        Image.fromarray(half(label, 7)).save(tmp_path / f"{label}.png")
    with served(site) as (url, _), opened(browser, url) as page:
        page.set_input_files("#file", str(tmp_path / "upper.png"))
        page.locator("#answer li span").first.wait_for()
        assert page.locator("#answer li span").first.inner_text() == "upper"
        (tmp_path / "none.png").write_bytes(b"none")
        page.set_input_files("#file", str(tmp_path / "none.png"))
        page.get_by_text("cannot be read").wait_for()
        page.click("#verify")
        page.get_by_text("0 of 3 labels differ").wait_for()


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
@pytest.mark.parametrize(
    "frame",
    [
        Frame(size=24), Frame(size=24, way="stretch"), Frame(size=24, resample="bilinear", share=0.875),
        Frame(size=24, channels=1), Frame(size=90),
    ],
)  # fmt: skip
def test_frames_are_the_same_byte_for_byte(browser, halves, mode, frame):
    sizes = [(40, 30), (200, 150), (24, 24), (611, 333)]
    with served(halves[1]) as (url, _), opened(browser, url) as page:
        for size in sizes:
            file = BytesIO()
            drawn(mode, size).save(file, "PNG")
            found = page.evaluate(_FRAMED, [b64encode(file.getvalue()).decode(), frame.model_dump()])
            expected = framed(file.getvalue(), frame)
            assert np.array_equal(np.array(found, np.uint8).reshape(expected.shape), expected), (size, mode)


_FRAMED = """async ([file, frame]) => {
  const { pictureReader } = await import("./picture.js");
  const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
  const read = await pictureReader(frame, { Tensor: class { constructor(kind, data) { this.data = data; } } });
  return Array.from((await read(new Blob([bytes], { type: "image/png" }))).pixels.data);
}"""
