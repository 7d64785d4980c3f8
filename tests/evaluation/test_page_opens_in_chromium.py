"""The page in a real browser: no complaint, nothing fetched, filters that filter, both widths."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Page, executable, started
from comparisons import comparison, once

from aihandler.evaluation.findings import findings
from aihandler.evaluation.pages import html_page

pytestmark = pytest.mark.skipif(
    executable() is None, reason="no Chromium here: install Debian's `chromium`"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with started() as page:
        yield page


@pytest.fixture
def file(tmp_path: Path) -> Path:
    count = 60
    scores = {
        "claude-sonnet": once(*([1.0] * 54 + [0.0] * 6)),
        "meta-llama/llama-3.3-70b-instruct-with-a-long-name": once(*([0.0] * 6 + [1.0] * 54)),
        "c": once(*[float(i % 4 > 0) for i in range(count)]),
    }
    tags = [("email",) if i % 2 else ("chat", "long") for i in range(count)]
    costs = {"claude-sonnet": 3_000_000, "c": 0}
    hostile = "<img src=x onerror=alert(1)> ticket {} with-one-word-" + "x" * 90
    seen = comparison(scores, tags=tags, costs=costs, text=hostile)
    path = tmp_path / "page.html"
    path.write_text(html_page(seen, findings(seen)), encoding="utf-8")
    return path


def _shown(page: Page) -> int:
    return page.run("[...document.querySelectorAll('.item')].filter(i => i.offsetHeight).length")


def _set(page: Page, name: str, value: str) -> None:
    page.run(
        f"(() => {{ const f = document.forms[0].elements.namedItem({name!r}); f.value = {value!r};"
        "f.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_nothing_complains(browser: Page, file: Path, width: int, dark: bool) -> None:
    browser.complaints.clear()
    browser.requests.clear()
    browser.open(file, width=width, dark=dark)
    browser.run("document.querySelectorAll('.item').forEach(i => { i.open = true; })")
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.complaints == []
    assert {url for url in browser.requests if url != "about:blank"} == {file.as_uri()}


def test_the_filters_filter_and_the_address_keeps_them(browser: Page, file: Path) -> None:
    browser.open(file, width=1280)
    everything = _shown(browser)
    assert browser.run("document.getElementById('count').textContent") == (
        f"{everything} of {everything} shown"
    )
    _set(browser, "wrong", "claude-sonnet")
    assert _shown(browser) == 6
    _set(browser, "tag", "email")
    assert _shown(browser) == 3
    _set(browser, "search", "T-0055 ticket")
    assert _shown(browser) == 1
    assert browser.run("location.hash") == "#wrong=claude-sonnet&tag=email&search=T-0055+ticket"
    _set(browser, "search", "in no item")
    assert _shown(browser) == 0
    assert browser.run("document.getElementById('none').offsetHeight > 0")
    browser.run("document.querySelector('button').click()")
    browser.wait(f"document.getElementById('count').textContent.startsWith('{everything} of')")
    assert _shown(browser) == everything


def test_text_of_an_item_stays_text(browser: Page, file: Path) -> None:
    browser.open(file, width=1280)
    assert browser.run("document.querySelectorAll('img').length") == 0
    assert "<img src=x" in browser.run("document.querySelector('.item pre').textContent")
