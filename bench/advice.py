"""How long a whole company takes to advise: `python -m bench.advice`.

The demo, and a company of four tasks in which every option has a cost: 10,000 runs over 36 months,
with differences, price scenarios, mixes by share, what turns a verdict, and sums over tasks.
"""

import argparse
import os
import resource
import time

import msgspec

from aihandler.advisor.advice import advise
from aihandler.advisor.company import Profile, TaskFacts, demo_profile
from aihandler.advisor.frameworks.reading import shipped

EVERY_OPTION = {
    "managed_input_usd_per_million": (0.3, 0.2, 0.5),
    "managed_output_usd_per_million": (0.5, 0.3, 0.9),
    "routed_share": (0.8, 0.7, 0.9),
    "seats": (20.0,),
    "usd_per_seat_month": (19.0,),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    runs = parser.parse_args().runs
    for name, profile in (("the demo", demo_profile()), ("every option", _whole())):
        for _ in range(3):
            began = time.perf_counter(), time.process_time()
            found = advise(profile, shipped(), seed=1, runs=runs)
            wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
            print(f"{name}, {len(found.tasks)} tasks: CPU {cpu:.2f} s, wall {wall:.2f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{runs:,} runs, peak {peak:,.0f} MiB, load {os.getloadavg()[0]:.1f}")
    return 0


def _whole() -> Profile:
    profile = demo_profile()
    tasks = {name: _costly(profile, task) for name, task in profile.tasks.items()}
    return msgspec.structs.replace(profile, tasks=tasks)


def _costly(profile: Profile, task: TaskFacts) -> TaskFacts:
    hosting = task.hosting or profile.tasks["documents"].hosting
    return msgspec.structs.replace(task, costs={**task.costs, **EVERY_OPTION}, hosting=hosting)


if __name__ == "__main__":
    raise SystemExit(main())
