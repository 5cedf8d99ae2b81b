"""The page in a real browser: headless Chromium, driven by Playwright. `make test-page` installs both."""

import shutil
from contextlib import contextmanager

import pytest

from penjing.bundle.read import read_manifest
from penjing.pictures.frame import png
from penjing.serve.keys import Keys
from tests.serve.fused_bundle import fused_service, write_orders
from tests.serve.picture_bundle import half, halves_service, write_halves
from tests.serve.running import classifier, running, services_of
from tests.serve.sound_bundle import pitches_service, write_pitches
from tests.serve.test_audio import HIGH, Echo, echo_service
from tests.serve.test_translate import translator
from tests.serve.test_write import fake_writer

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-page")
LOAD = "Failed to load resource"  # said of every status that is not 200
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: make test-page"),
]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@contextmanager
def opened(browser, url, **settings):
    """Yield the page; at the end nothing may have gone elsewhere or failed in the console."""
    context = browser.new_context(**{"viewport": {"width": 1000, "height": 900}, "locale": "en-US"} | settings)
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" and LOAD not in said.text else None)
    page.on("response", lambda reply: wrong.append(reply.url) if reply.status in (404, 500) else None)
    page.on("request", lambda asked: None if asked.url.startswith((url, "data:", "blob:")) else wrong.append(asked.url))
    page.goto(url)
    yield page
    context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def client(tiny_bundle):
    with running(services_of(classifier(tiny_bundle), lambda _: fake_writer())) as found:
        yield found


def ready(page):
    page.locator("#model option").first.wait_for(state="attached")


def test_a_text_becomes_bars(browser, client):
    with opened(browser, client.url) as page:
        ready(page)
        page.fill("#text", "bad film")
        page.keyboard.press("Control+Enter")
        page.locator(".bars li").first.wait_for()
        assert page.locator(".bars .name").first.inner_text() == "bad"
        assert page.locator(".bars meter").first.get_attribute("aria-label").startswith("bad: ")
        assert "1 asked" in page.locator("#speed").inner_text()
        assert "bad film" in page.locator("#code-curl").inner_text()
        assert "bad, good" in page.locator("#facts").inner_text()


def test_a_question_is_answered_and_remembered_by_the_browser(browser, client):
    with opened(browser, client.url) as page:
        page.click("a[href='/learn']")
        page.locator("#statements li").first.wait_for()
        asked = page.locator("#question").inner_text()
        page.click("#go")
        page.get_by_text("Write or choose something first.").wait_for()
        page.locator("#statements input").first.check()
        page.click("#go")
        page.locator(".points li").first.wait_for()
        page.get_by_text("1 of 31 answered").wait_for()
        assert not page.locator("#words").is_visible()
        page.click("#next")
        page.locator("#statements li").first.wait_for()
        assert page.locator("#question").inner_text() != asked
        page.select_option("#language", "zh")
        page.get_by_text("· 基础").wait_for()
        page.locator("[name=way][value=text]").check()
        page.fill("#words", "预训练")
        page.keyboard.press("Tab")
        page.click("#go")
        page.get_by_text("题库的回答").wait_for()
        page.reload()
        page.get_by_text("2 of 31 answered").wait_for()


def test_an_answer_is_written_as_it_comes_and_can_be_stopped(browser, client):
    with opened(browser, client.url) as page:
        ready(page)
        page.select_option("#model", "fake")
        page.fill("#text", "one two three")
        page.click("#go")
        page.get_by_text("tokens a second").wait_for()
        assert page.locator(".written").inner_text().strip() == "one two three"
        page.fill("#text", "forever")
        page.click("#go")
        page.get_by_text("on and").wait_for()
        page.click("#stop")
        page.locator("#go:not([disabled])").wait_for()
        assert page.locator("#notice").inner_text() == ""
        page.fill("#text", "error")
        page.click("#go")
        page.get_by_text("longer than the context").wait_for()


def test_a_picture_that_is_chosen_becomes_bars(browser, tmp_path):
    (tmp_path / "upper.png").write_bytes(png(half("upper")))
    (tmp_path / "none.png").write_bytes(b"no picture")
    with (
        running(services_of(halves_service(write_halves(tmp_path)))) as client,
        opened(browser, client.url) as page,
    ):
        ready(page)
        assert not page.locator("#text").is_visible()
        page.click("#go")
        page.get_by_text("Choose a file first.").wait_for()
        page.set_input_files("#file", str(tmp_path / "upper.png"))
        page.locator(".bars li").first.wait_for()
        assert page.locator(".bars .name").first.inner_text() == "upper"
        assert page.locator("#preview").get_attribute("alt") == "upper.png"
        assert "/v1/images/classify" in page.locator("#code-curl").inner_text()
        page.set_input_files("#file", str(tmp_path / "none.png"))
        page.get_by_text("not a picture that can be read").wait_for()


def test_chinese_dark_and_narrow(browser, client):
    narrow = {"width": 360, "height": 800}
    with opened(browser, client.url, locale="zh-CN", color_scheme="dark", viewport=narrow) as page:
        ready(page)
        assert page.locator("#try-heading").inner_text() == "试一试"
        page.click("#go")
        page.locator(".bars li").first.wait_for()
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
        assert page.evaluate("() => document.documentElement.lang") == "zh"
        page.select_option("#language", "en")
        assert page.locator("#try-heading").inner_text() == "Try it"


def test_a_locked_server_asks_for_its_key(browser, tiny_bundle, tmp_path):
    (tmp_path / "keys.txt").write_text("anna:a-long-enough-key\n", encoding="utf-8")
    with (
        running(services_of(classifier(tiny_bundle)), keys=Keys(tmp_path / "keys.txt")) as client,
        opened(browser, client.url) as page,
    ):
        page.get_by_text("asks for a key").wait_for()
        page.fill("#key", "a-long-enough-key")
        page.keyboard.press("Tab")
        ready(page)
        page.click("#go")
        page.locator(".bars li").first.wait_for()


def test_the_trials_of_the_run_are_drawn_around_the_one_that_is_served(browser, toy_bundle):
    with running(services_of(translator(toy_bundle))) as client, opened(browser, client.url) as page:
        ready(page)
        trials = read_manifest(toy_bundle).trials
        assert page.locator("#chart circle").count() == len([one for one in trials if one.p50_s])
        page.select_option("#against", "size_bytes")
        assert page.locator("#chart circle").count() == len(trials)
        assert page.locator("#chart .served").count() == 1
        page.locator("#chart .served").focus()
        said = page.locator("#point").inner_text()
        assert "served here" in said
        assert "MB" in said


def test_a_bundle_of_no_run_has_no_chart(browser, client):
    with opened(browser, client.url) as page:
        ready(page)
        assert page.locator("#frontier").is_hidden()


def test_everything_is_said_in_both_languages(browser, client):
    with opened(browser, client.url) as page:
        ready(page)
        keys = page.eval_on_selector_all("[data-say]", "(all) => all.map((one) => one.dataset.say)")
        missing = page.evaluate(
            "(keys) => Object.values(WORDS).flatMap((words) => keys.filter((key) => !words[key]))", keys
        )
        assert missing == []
        assert page.evaluate("() => Object.keys(WORDS.en).join() === Object.keys(WORDS.zh).join()")


def test_a_translation_stands_beside_its_original(browser, toy_bundle):
    with running(services_of(translator(toy_bundle))) as client, opened(browser, client.url) as page:
        ready(page)
        page.fill("#text", "Save the new file %s")
        page.keyboard.press("Control+Enter")
        page.locator(".sides").wait_for()
        assert page.locator(".sides .written").all_inner_texts() == ["Save the new file %s", "保存新的文件 %s"]
        assert page.locator(".sides .written").nth(1).get_attribute("lang") == "zh-Hans"
        assert "/v1/translate" in page.locator("#code-curl").inner_text()
        page.select_option("#language", "zh")
        assert "en → zh-Hans" in page.locator("#facts").inner_text()


def test_a_sound_that_is_chosen_becomes_bars_and_what_is_said(browser, tmp_path):
    bundle = write_pitches(tmp_path)
    (tmp_path / "high.wav").write_bytes(HIGH)
    services = services_of(pitches_service(bundle), echo_service(Echo()))
    with running(services) as served, opened(browser, served.url) as page:
        ready(page)
        page.get_by_text("Sound: choose a file").wait_for()
        page.set_input_files("#file", str(tmp_path / "high.wav"))
        page.locator("#answer .name").first.wait_for()
        assert page.locator("#answer .name").first.inner_text() == "high"
        assert page.locator("#heard").is_visible()
        assert "/v1/audio/classify" in page.locator("#code-curl").inner_text()
        page.select_option("#model", "echo")
        assert not page.locator("#heard").is_visible()
        page.set_input_files("#file", str(tmp_path / "high.wav"))
        page.get_by_text("0.3 s in None").wait_for()
        page.get_by_text("0.0–0.3 s").wait_for()


def test_several_inputs_are_a_form(browser, tmp_path):
    bundle = write_orders(tmp_path)
    (tmp_path / "photo.png").write_bytes(png(half("upper", 1)))
    with running(services_of(fused_service(bundle))) as served, opened(browser, served.url) as page:
        ready(page)
        page.click("#go")
        page.get_by_text("Fill in at least one input.").wait_for()
        page.set_input_files("#mixed input[data-input=photo]", str(tmp_path / "photo.png"))
        page.fill("#mixed textarea", "很好")
        page.fill("#mixed input[type=number]", "12.5")
        page.click("#go")
        page.get_by_text("Missing: voice, shop").wait_for()
        page.select_option("#mixed select", "north")
        page.click("#go")
        page.get_by_text("Missing: voice", exact=True).wait_for()
        page.select_option("#language", "zh")
        page.get_by_text("试一试").wait_for()


def test_a_recording_is_sent_as_a_wave_file(browser, tmp_path):
    with running(services_of(pitches_service(write_pitches(tmp_path)))) as served:
        found = browser.new_context(locale="en-US").new_page()
        found.goto(served.url)
        head = found.evaluate(
            """async () => {
              const file = new Uint8Array(waveBytes(new Float32Array(4800).fill(0.5), 48000));
              const reply = await fetch("/v1/audio/classify", {
                method: "POST", headers: { "Content-Type": "audio/wav" }, body: file,
              });
              return [reply.status, (await reply.json()).results[0].labels.length];
            }"""
        )
        assert head == [200, 2]
        found.context.close()
