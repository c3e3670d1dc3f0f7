"""Effects of a million rows of thirty columns: seconds, memory above the table's own, and progress as it is told.

Every column is measured. Each method runs in a process of its own, which holds the table (229 MiB) before it starts.
Smaller: python benchmarks/effects_at_scale.py --rows 100000
"""

from __future__ import annotations

from measure import in_its_own_process, one_thread, table

one_thread()

import argparse
import warnings
from collections.abc import Callable

import numpy as np

import pellucid

warnings.simplefilter("ignore")
METHODS = (
    pellucid.AccumulatedLocalEffects(),
    pellucid.PartialDependence(points=20),
    pellucid.PermutationImportance(repeats=1),
)


def cheap(rows: np.ndarray) -> np.ndarray:
    """A model that costs little, so that what is measured is ours."""
    return np.tanh(rows[:, 0]) * rows[:, 1] + rows[:, 2]


def prepared(method: object, rows: int, columns: int) -> Callable[[], Callable[[], object]]:
    """A table, and then what is measured: how many progress reports there are, the last one, and what was measured."""

    def build() -> Callable[[], object]:
        X = np.random.default_rng(0).normal(size=(rows, columns))
        told = list[tuple[int, int]]()

        def run() -> object:
            with pellucid.options(progress=lambda label, done, total: told.append((done, total))):
                e = method(cheap, X)  # type: ignore[operator]  # one of METHODS
            names = {c for pair in e.columns for c in pair} if hasattr(e, "columns") else set(e.names)
            return len(told), told[-1], len(names)

        return run

    return build


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=30)
    asked = parser.parse_args()
    rows = list[list[str]]()
    for method in METHODS:
        memory, seconds, found = in_its_own_process(prepared(method, asked.rows, asked.columns))
        reports, (done, total), columns = found  # type: ignore[misc]  # what `run` gives
        rows.append(
            [
                method.title,
                str(columns),
                f"{seconds:.1f}",
                f"{memory:.0f}",
                f"{reports:,}, the last {done:,} of {total:,}",
            ]
        )
        print("  ".join(rows[-1]), flush=True)
    held = asked.rows * asked.columns * 8 / 2**20
    head = ["", "columns", "CPU s", "MiB above", "progress reports"]
    print(table(f"{asked.rows:,} rows, {asked.columns} columns ({held:.0f} MiB)", head, rows))


if __name__ == "__main__":
    main()
