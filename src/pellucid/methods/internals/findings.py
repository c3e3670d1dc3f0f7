"""What a climb's own numbers say of how far its inputs can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.network import Network

ENOUGH = 0.9
"""Share of the best row's rise over the data's mean that an input is expected to reach."""
BRITTLE = 0.5
"""Share of the rise over the data's mean that must stay under small moves."""
ALIKE = 0.3
"""Mean cosine between restarts below which they found different things."""


def note(n: Network, found: dict[str, Any], method: Any) -> None:
    """Write the checks of a climb to the view."""
    n.notes.certify(kind="unknown")
    reached, steady = found["reached"], found["steady"]
    best, typical = found["best"][:, None], found["typical"][:, None]
    count = reached.size
    low = int((reached - typical < ENOUGH * (best - typical)).sum())
    n.notes.check(
        "below_best",
        low / count,
        warn=0,
        fail=np.inf,
        meaning=f"{low} of {count} inputs excite their unit clearly less than the best row of the data does.",
        advice="Take more steps, a higher rate, or start='example'.",
    )
    rise = reached - typical
    brittle = int((steady - typical < BRITTLE * rise).sum())
    n.notes.check(
        "brittle",
        brittle / count,
        warn=0.1,
        fail=np.inf,
        meaning=f"{brittle} of {count} inputs lose more than half of their rise under small moves and a little noise.",
        advice="Climb under larger moves, or with a prior fitted to data.",
    )
    if method.pictures > 1 and not method.diversity:
        apart = int((found["agreement"] < ALIKE).sum())
        n.notes.check(
            "restarts_disagree",
            apart / len(best),
            warn=0.5,
            fail=np.inf,
            meaning=f"The restarts of {apart} of {len(best)} objectives found different inputs.",
            advice="Look at all of them: these units answer to several things.",
        )
    _started(n, found)


def _started(n: Network, found: dict[str, Any]) -> None:
    """Say where climbs that could not begin at noise began."""
    names = found["objectives"]
    for how, said in (
        ("example", "began at rows of the data"),
        ("before", "climbed what goes into their activation function, since they are silent on the data too"),
    ):
        mine = [name for name, started in zip(names, found["started"], strict=True) if started == how]
        if mine:
            n.notes.said.append(f"Objectives {', '.join(mine)} {said}.")
