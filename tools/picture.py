"""Draws docs/images/demo.svg: what `aihandler demo` prints, from a run that is made for it."""

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "demo.svg"
COLUMNS = 122


def main() -> int:
    """Runs the demo in a folder of its own and writes the picture."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1"}
        command = [sys.executable, "-m", "aihandler", "demo", "--no-local"]
        ran = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    # Shown as a user of the installed command sees it.
    shown = ran.stdout.replace(f"{sys.executable} -m aihandler", "aihandler")
    console.print(Text("$ aihandler demo", style="bold"))
    # Leading blanks would be dropped where the picture is drawn.
    kept = re.sub(r"^ +", lambda blanks: "\u00a0" * len(blanks[0]), shown, flags=re.MULTILINE)
    console.print(Text.from_ansi(kept.rstrip()))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    picture = console.export_svg(title="aihandler demo")
    # A picture in a README fetches nothing: any monospaced font of the reader's will do.
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL))
    sys.stdout.write(f"wrote {PICTURE}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
