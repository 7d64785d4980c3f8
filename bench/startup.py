"""What starting costs: imports and `--help` in CPU seconds, and what is installed.

`python -m bench.startup [--wheels]`; with --wheels each wheel is fetched, to see its size too.
Each figure is the median of whole processes, started in turn; ratios
hold when the machine is busy, absolute times do not.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import Distribution, distributions, requires
from pathlib import Path

from packaging.requirements import Requirement

RUNS = 9
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import msgspec, click": [sys.executable, "-c", "import msgspec, click"],
    "import aihandler": [sys.executable, "-c", "import aihandler"],
    "from aihandler import Handler": [sys.executable, "-c", "from aihandler import Handler"],
    "aihandler --help": [sys.executable, "-m", "aihandler", "--help"],
}


def main() -> None:
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, command in COMMANDS.items():
            taken[name].append(cpu_seconds(command))
    base = statistics.median(taken["import msgspec, click"])
    print(f"{'CPU of a whole process':<32} {'median':>9} {'min':>9} {'max':>9} {'ratio':>7}")
    for name, figures in taken.items():
        middle = statistics.median(figures)
        print(
            f"{name:<32} {middle * 1000:6.0f} ms {min(figures) * 1000:6.0f} ms "
            f"{max(figures) * 1000:6.0f} ms {middle / base:7.2f}"
        )
    sizes(with_wheels="--wheels" in sys.argv)


def cpu_seconds(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def sizes(*, with_wheels: bool) -> None:
    """Installed size of the package and of everything that it needs; wheels when asked for."""
    installed = {d.name.lower().replace("_", "-"): d for d in distributions()}
    wanted = ["aihandler"]
    seen: dict[str, int] = {}
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name in seen or name not in installed:
            continue
        seen[name] = size(installed[name])
        for line in requires(name) or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                wanted.append(needed.name)
    wheels = {n: wheel_size(installed[n]) if with_wheels else 0 for n in seen if n != "aihandler"}
    print(f"\n{'installed':<24} {'MB':>7} {'wheel MB':>9}")
    for name, count in sorted(seen.items(), key=lambda item: -item[1]):
        wheel = wheels.get(name, 0)
        print(f"{name:<24} {count / 1e6:7.1f} {wheel / 1e6 if wheel else float('nan'):9.1f}")
    print(
        f"{'all':<24} {sum(seen.values()) / 1e6:7.1f} {sum(wheels.values()) / 1e6:9.1f}"
        f"   {len(seen)} distributions"
    )


def wheel_size(distribution: Distribution) -> int:
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"{distribution.name}=={distribution.version}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder]
        subprocess.run([*command, wanted], check=True, stderr=subprocess.DEVNULL)
        return sum(path.stat().st_size for path in Path(folder).iterdir())


def size(distribution: Distribution) -> int:
    paths = (Path(str(file.locate())) for file in distribution.files or ())
    total = sum(path.stat().st_size for path in paths if path.is_file())
    if distribution.name == "aihandler":
        # Installed for editing, its files lie elsewhere.
        source = Path(__file__).parent.parent / "src" / "aihandler"
        total += sum(
            p.stat().st_size for p in source.rglob("*") if p.suffix != ".pyc" and p.is_file()
        )
    return total


if __name__ == "__main__":
    main()
