"""Says how many tests need a real model server, so that none is silently left out."""

import re
import subprocess
import sys


def main() -> int:
    """Prints one line; fails when the tests cannot be collected."""
    # With the project's own -q this prints a line `file: count` for each file.
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "real"]
    collected = subprocess.run(command, capture_output=True, text=True, check=False)
    counts = re.findall(r"^tests/\S+: (\d+)$", collected.stdout, flags=re.MULTILINE)
    if collected.returncode or not counts:
        sys.stdout.write(collected.stdout + collected.stderr)
        return 1
    total = sum(map(int, counts))
    sys.stdout.write(f"{total} more tests run against real servers: make test-real\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
