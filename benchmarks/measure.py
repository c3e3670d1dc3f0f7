"""How benchmarks measure: interleaved CPU time, peak memory in a process of its own, ratios with their spread."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def one_thread() -> None:
    """Call before numpy or torch start threads: times on a shared machine are then comparable."""
    os.environ.update(THREADS)
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)


def interleaved(
    rivals: dict[str, Callable[[], object]], rounds: int = 7, warm: Collection[str] | None = None
) -> dict[str, np.ndarray]:
    """CPU seconds of each rival, (rounds,), taken in turns after one warm-up of all, or of those named in `warm`."""
    for name, run in rivals.items():
        if warm is None or name in warm:
            run()
    times: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, run in rivals.items():
            start = time.process_time()
            run()
            times[name].append(time.process_time() - start)
    return {name: np.array(t) for name, t in times.items()}


def ratio(times: np.ndarray, to: np.ndarray) -> tuple[float, float, float]:
    """Median of the round-by-round ratios, and their quartiles."""
    low, middle, high = np.percentile(times / to, [25, 50, 75])
    return float(middle), float(low), float(high)


def peak_memory(build: Callable[[], Callable[[], object]]) -> float:
    """MiB by which `build()()` raises the peak of a fresh process above what it held after `build`."""
    return in_its_own_process(build)[0]


def in_its_own_process(build: Callable[[], Callable[[], object]]) -> tuple[float, float, object]:
    """The same, the CPU seconds of `build()()`, and what it gives."""
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def work() -> None:
        run = build()
        before, start = _resident(), time.process_time()
        found = run()
        spent = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        send.send((max(0.0, peak - before), spent, found))

    process = context.Process(target=work)
    process.start()
    measured = receive.recv()
    process.join()
    return measured


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Plain aligned text."""
    widths = [max(len(str(r[i])) for r in (head, *rows)) for i in range(len(head))]
    lines = [
        "  ".join(str(c).ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in (head, *rows)
    ]
    return "\n".join([title, lines[0], "-" * len(lines[0]), *lines[1:], ""])
