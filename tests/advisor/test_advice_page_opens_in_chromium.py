"""The page of an advice in a real browser: no complaint, both widths, and on paper."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from advices import demo_advice

from aihandler.advisor.pages import html_page
from evaluation.chromium import Page, executable, started

pytestmark = pytest.mark.skipif(
    executable() is None, reason="no Chromium here: install Debian's `chromium`"
)
# One long word would push a narrow page apart.
HOSTILE = "<img src=x onerror=alert(1)> " + "x" * 120


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with started() as page:
        yield page


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("advice") / "advice.html"
    path.write_text(html_page(demo_advice(text=HOSTILE)), encoding="utf-8")
    return path


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_nothing_complains(browser: Page, file: Path, width: int, dark: bool) -> None:
    browser.complaints.clear()
    browser.requests.clear()
    browser.open(file, width=width, dark=dark)
    assert browser.run("document.documentElement.scrollWidth") <= width
    # Nothing has to be pushed aside to be read: no table is wider than its box.
    wider = "[...document.querySelectorAll('.scroll')].filter(s => s.scrollWidth > s.clientWidth)"
    assert browser.run(f"{wider}.length") == 0
    assert browser.complaints == []
    assert {url for url in browser.requests if url != "about:blank"} == {file.as_uri()}
    assert browser.run("document.querySelectorAll('img, script').length") == 0


def test_every_drawing_has_a_size_and_a_description(browser: Page, file: Path) -> None:
    browser.open(file, width=390)
    drawings = "[...document.querySelectorAll('svg[role=img]')]"
    assert browser.run(f"{drawings}.length") > 20
    flat = "s.getBoundingClientRect().width < 100 || !s.getAttribute('aria-label')"
    assert browser.run(f"{drawings}.filter(s => {flat}).length") == 0


def test_it_prints(browser: Page, file: Path) -> None:
    browser.open(file, width=1280, dark=True)
    printed = base64.b64decode(browser.call("Page.printToPDF")["data"])
    assert printed.startswith(b"%PDF-")
    pages = printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ")
    assert 5 <= pages <= 20
    # What is left of A4 between its margins, in pixels of CSS.
    browser.open(file, width=688)
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.run("document.documentElement.scrollWidth") <= 688
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
