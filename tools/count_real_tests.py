"""Says how many tests need a real model server, so that none is silently left out."""

import re
import subprocess
import sys


def main() -> int:
    """Prints one line; fails when the tests cannot be collected."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "real"]
    collected = subprocess.run(command, capture_output=True, text=True, check=False)
    match = re.search(r"(\d+)(?:/\d+)? tests? collected", collected.stdout)
    if match is None:
        sys.stdout.write(collected.stdout + collected.stderr)
        return 1
    sys.stdout.write(f"{match[1]} more tests run against real servers: make test-real\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
