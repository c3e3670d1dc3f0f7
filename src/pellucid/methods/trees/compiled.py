"""Compiled kernels: numba's options in one place, plain Python where numba is missing, and threads over parts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

try:
    import numba
except ImportError:
    numba = None

COMPILED = numba is not None
"""Whether there are kernels; `plain` calculates where there are none."""
OPTIONS: dict[str, Any] = {
    "nogil": True,
    "boundscheck": False,
    "error_model": "numpy",
    "fastmath": {"contract", "nsz"},
}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` on its first call, and keep the machine code for the next process."""
    return _compiled(function)


def part(function: Callable[..., Any]) -> Any:
    """A piece of a kernel, compiled into the kernels that call it."""
    return _compiled(function, forceinline=True)


def _compiled(function: Any, **more: Any) -> Any:
    if numba is None:
        return function
    try:
        return numba.njit(cache=True, **OPTIONS, **more)(function)
    except RuntimeError:  # no folder where machine code could be kept
        return numba.njit(**OPTIONS, **more)(function)


def threads() -> int:
    """How many threads kernels run in: NUMBA_NUM_THREADS or OMP_NUM_THREADS, else the processors at hand."""
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) > 0:
            return int(value)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(work: Callable[[Any], None], parts: Sequence[Any]) -> Iterator[Any]:
    """Do `work` on each of `parts`, in threads where there are several; yield each part when it is done.

    The parts must not write to the same numbers: what comes out is then the same for any number of threads.
    """
    count = min(threads(), len(parts))
    if count <= 1:
        for one in parts:
            work(one)
            yield one
        return
    with ThreadPoolExecutor(count) as pool:
        for one, done in [(one, pool.submit(work, one)) for one in parts]:
            done.result()
            yield one
