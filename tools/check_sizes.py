"""Refuses files above 600 lines and functions above 60: growth is split before it hardens."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60


def complaints(path: Path) -> Iterator[str]:
    """What is too large in one file."""
    source = path.read_text(encoding="utf-8")
    lines = source.count("\n")
    if lines > MAX_FILE_LINES:
        yield f"{path}:1: {lines} lines, at most {MAX_FILE_LINES}: split it"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield (
                    f"{path}:{node.lineno}: {node.name} has {length} lines, "
                    f"at most {MAX_FUNCTION_LINES}: split it"
                )


def main() -> int:
    """Prints every complaint; 1 when there is one."""
    roots = [Path(name) for name in ("src", "tests", "bench", "tools")]
    found = [c for root in roots for path in sorted(root.rglob("*.py")) for c in complaints(path)]
    for complaint in found:
        sys.stdout.write(f"{complaint}\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
