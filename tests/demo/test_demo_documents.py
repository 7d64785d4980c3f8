"""The documents that ship with the demo hold what their page says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_demo_documents_are_complete_labelled_fictitious_and_add_up() -> None:
    check = [sys.executable, str(ROOT / "tools" / "check_demo_data.py")]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
