"""HTML to the text a person would read; table cells are kept apart by ` | `."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from aihandler.domain.document import Document
from aihandler.workflow.readers.classes import highest_class, is_class_name
from aihandler.workflow.readers.reading import decode, read_bytes

_HIDDEN = {"script", "style", "template", "noscript", "svg"}
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "br", "dd", "div", "dl", "dt", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p",
    "pre", "section", "table", "tr", "ul",
}  # fmt: skip
_CELLS = {"td", "th"}
_META_NAMES = {"name", "property", "http-equiv"}


def read_html(path: Path, name: str, kind: str) -> Iterator[Document]:
    """One document; `<meta name="data-class" content="...">` states its class."""
    page = parse_html(decode(read_bytes(path)))
    fields = {"text": page.text, "title": page.title, "kind": kind}
    data_class = highest_class(page.classes)
    yield Document(id=name, fields=fields, data_class=data_class, source=str(path))


def parse_html(markup: str) -> "Page":
    """Parses a page; broken markup is read as browsers read it."""
    page = Page()
    page.feed(markup)
    page.close()
    return page


class Page(HTMLParser):
    """Collects title, stated classes and visible text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.classes: list[str] = []
        self.title = ""
        self._pieces: list[str] = []
        self._hidden = 0
        self._in_title = False

    @property
    def text(self) -> str:
        """The visible text, one line per block."""
        lines = (" ".join(line.split()) for line in "".join(self._pieces).split("\n"))
        return "\n".join(line.strip("| ") for line in lines if line.strip("| "))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        if tag == "meta":
            self._meta(attrs)
        elif tag == "title":
            self._in_title = True
        elif tag in _HIDDEN:
            self._hidden += 1
        elif tag in _CELLS:
            self._pieces.append(" | ")
        elif tag in _BLOCKS:
            self._pieces.append("\n")

    def _meta(self, attrs: list[tuple[str, str | None]]) -> None:
        if any(k in _META_NAMES and is_class_name(v or "") for k, v in attrs):
            self.classes += [v or "" for k, v in attrs if k == "content"]

    def handle_endtag(self, tag: str) -> None:
        """Called by the parser."""
        if tag == "title":
            self._in_title = False
        elif tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BLOCKS:
            self._pieces.append("\n")

    def handle_data(self, data: str) -> None:
        """Called by the parser."""
        if self._in_title:
            self.title += data.strip()
        elif not self._hidden:
            self._pieces.append(data.replace("\n", " "))
