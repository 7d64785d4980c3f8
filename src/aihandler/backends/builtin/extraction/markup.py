"""HTML as lines and cells, with the place in the source of every character."""

import html
import re
from array import array

from aihandler.backends.builtin.extraction.lists import word_set

_HTML = re.compile(
    r"<(?:!doctype|html|body|table|div|p|tr|td|br|span|dl|ul|ol|li|strong|h[1-6])\b[^<>]{0,500}>",
    re.IGNORECASE,
)
_PIECE = re.compile(
    r"<(?P<tag>/?[a-z][a-z0-9]{0,15})[^<>]{0,2000}>|<[!?][^<>]{0,2000}>|&[#a-z0-9]{1,10};|\s+|[^<&\s]+|[<&]",
    re.IGNORECASE,
)
_HIDDEN = frozenset({"style", "script", "head", "title", "template"})
_CELL_ENDS = frozenset({"/td", "/th"})
_BLOCKS = word_set(
    "p div h1 h2 h3 h4 h5 h6 li ul ol dl dt section header footer article address pre hr "
    "br table tr thead tbody tfoot blockquote form body"
)


def looks_like_html(text: str) -> bool:
    """True when the text holds a tag that only a page has."""
    return bool(_HTML.search(text))


def plain_from_html(text: str, cell_break: str) -> "tuple[str, array[int]]":
    """Text with one line a row or block and ` | ` between cells; and each character's source."""
    writer = _Writer(cell_break)
    position = 0
    while position < len(text):
        if text.startswith("<!--", position):
            position = _after(text, "-->", position)
            continue
        match = _PIECE.match(text, position)
        if match is None:
            position += 1
            continue
        if match[0].startswith(("<!", "<?")):
            position = match.end()
            continue
        tag = (match["tag"] or "").casefold()
        if tag in _HIDDEN:
            position = _after(text, f"</{tag}", match.end())
            continue
        _write(writer, match, tag)
        position = match.end()
    return writer.text, writer.offsets


def _after(text: str, ending: str, position: int) -> int:
    lowered = text.find(ending, position)
    if lowered < 0:
        lowered = text.find(ending.upper(), position)
    end = len(text) if lowered < 0 else lowered + len(ending)
    return end + 1 if text.startswith(">", end) else end


def _write(writer: "_Writer", match: re.Match[str], tag: str) -> None:
    if tag:
        writer.tag(tag, match.start())
    elif match[0].isspace():
        writer.put(" ", match.start())
    elif match[0].startswith("&") and len(match[0]) > 1:
        writer.put(html.unescape(match[0]).replace("\xa0", " "), match.start())
    else:
        writer.spread(match[0], match.start())


class _Writer:
    """Collects characters and where each came from."""

    def __init__(self, cell_break: str) -> None:
        self._pieces: list[str] = []
        self._last = "\n"
        self._cell_break = cell_break
        # One entry per open table: true while inside one of its cells.
        self._cells: list[bool] = []
        self.offsets: array[int] = array("L")

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def put(self, characters: str, source: int) -> None:
        """Writes characters that all stem from one place; never two spaces in a row."""
        if not characters or (characters == " " and self._last in " \n"):
            return
        if characters == "\n" and self._pieces[-2:] == ["\n", "\n"]:
            return
        self._pieces.append(characters)
        self.offsets.extend([source] * len(characters))
        self._last = characters[-1]

    def spread(self, characters: str, source: int) -> None:
        """Writes characters as they stand in the source, one after the other."""
        self._pieces.append(characters)
        self.offsets.extend(range(source, source + len(characters)))
        self._last = characters[-1]

    def tag(self, tag: str, source: int) -> None:
        name = tag.lstrip("/")
        if name == "table":
            self._table(tag, source)
        elif name == "tr":
            self._leave_cell()
            self.put("\n", source)
        elif tag == "/dt":
            # A definition list is a table of labels and values.
            self.put(" | ", source)
        elif name in {"td", "th"}:
            self._cell(tag, source)
        elif name in _BLOCKS or tag == "/dd":
            self._block(source)

    def _table(self, tag: str, source: int) -> None:
        self.put("\n", source)
        if tag == "table":
            self._cells.append(False)
        elif self._cells:
            self._cells.pop()

    def _cell(self, tag: str, source: int) -> None:
        if tag in _CELL_ENDS:
            self.put(" | ", source)
        if self._cells:
            self._cells[-1] = tag not in _CELL_ENDS

    def _leave_cell(self) -> None:
        if self._cells:
            self._cells[-1] = False

    def _block(self, source: int) -> None:
        if self._cells and self._cells[-1]:
            # A break inside a cell must not end the row.
            if self._last not in "|\n" + self._cell_break:
                self.put(f" {self._cell_break} ", source)
            return
        self.put("\n", source)
