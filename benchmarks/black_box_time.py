"""Black-box methods against shap and lime: CPU time per row at equal model calls; models cost next to nothing.

Run: python benchmarks/black_box_time.py
"""

from __future__ import annotations

from measure import interleaved, one_thread, ratio, table

one_thread()

import logging
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

import pellucid

warnings.simplefilter("ignore")
logging.getLogger("shap").setLevel(logging.ERROR)
COLUMNS, ROWS = 20, 20
RNG = np.random.default_rng(0)


def free(rows: np.ndarray) -> np.ndarray:
    """A model that costs nothing."""
    return rows[:, 0] * 1.0


def shapley(budget: int, background: int) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Ours and shap's, both for the same rows, coalitions and background."""
    import shap

    X, B = RNG.normal(size=(ROWS, COLUMNS)), RNG.normal(size=(background, COLUMNS))
    kernel = shap.KernelExplainer(free, B)
    permutation = shap.PermutationExplainer(free, B)
    return {
        "Kernel SHAP": (
            lambda: pellucid.KernelShap(budget=budget)(free, X, background=B),
            lambda: kernel.shap_values(X, nsamples=budget, l1_reg=0, silent=True),
        ),
        "permutation SHAP": (
            lambda: pellucid.PermutationShap(budget=budget)(free, X, background=B),
            lambda: permutation(X, max_evals=budget, silent=True),
        ),
    }


def lime_tables(rows: int) -> tuple[Callable[[], object], Callable[[], object]]:
    from lime.lime_tabular import LimeTabularExplainer

    X, y = make_classification(1000, COLUMNS, n_informative=8, random_state=0)
    model = LogisticRegression().fit(X, y)
    theirs = LimeTabularExplainer(X, discretize_continuous=True, random_state=0)
    ours = pellucid.LIME(top=5, discretize=True)

    def ask_lime() -> None:
        for row in X[:rows]:
            theirs.explain_instance(row, model.predict_proba, num_features=5, num_samples=5000)

    return lambda: ours(model, X[:rows], target=1, background=X), ask_lime


def lime_images() -> tuple[Callable[[], object], Callable[[], object]]:
    """The same network, the same regions, 1,000 samples."""
    import torch
    from lime.lime_image import LimeImageExplainer
    from torch import nn

    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 7, stride=4), nn.ReLU(), nn.Conv2d(8, 16, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(16, 10), nn.Softmax(1),
    ).eval()  # fmt: skip
    image = RNG.random((224, 224, 3)).astype(np.float32)
    regions = (np.arange(224)[:, None] // 32 * 7 + np.arange(224) // 32).astype(int)
    theirs = LimeImageExplainer(random_state=0)

    def predict(batch: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.from_numpy(np.moveaxis(np.asarray(batch, np.float32), -1, 1))).numpy()

    masker = pellucid.Segments(regions, fill=0.0)
    return (
        lambda: pellucid.LIME(budget=1000)(net, np.moveaxis(image, -1, 0)[None], target=3, masker=masker),
        lambda: theirs.explain_instance(
            image, predict, labels=[3], top_labels=None, hide_color=0, num_samples=1000,
            segmentation_fn=lambda _: regions
        ),
    )  # fmt: skip


def line(name: str, ours: Callable[[], object], theirs: Callable[[], object], rows: int) -> list[str]:
    seconds = interleaved({"ours": ours, "theirs": theirs}, 3)
    middle, low, high = ratio(seconds["theirs"], seconds["ours"])
    per_row = 1e3 * np.median(seconds["ours"]) / rows
    return [name, f"{per_row:.2f}", f"1/{middle:.0f} (1/{low:.0f} to 1/{high:.0f})"]


def main() -> None:
    rows = list[list[str]]()
    for budget in (300, 2048):
        for background in (1, 20, 100):
            for name, (ours, theirs) in shapley(budget, background).items():
                rows.append(
                    line(f"{name}, {budget} coalitions, {background} background rows", ours, theirs, ROWS)
                )
    for count in (1, 20):
        rows.append(line(f"LIME of a table, 5,000 samples, {count} at once", *lime_tables(count), count))
    rows.append(line("LIME of a picture, 1,000 samples", *lime_images(), 1))
    head = ["", "ms per row", "of the other's time"]
    print(table(f"CPU time per row beside shap {version('shap')} and lime {version('lime')}", head, rows))
    X, start = RNG.normal(size=(10_000, COLUMNS)), time.process_time()
    pellucid.KernelShap(budget=300)(free, X, baseline=0.0)
    print(f"10,000 rows of {COLUMNS} columns, 300 coalitions each: {time.process_time() - start:.1f} s")


if __name__ == "__main__":
    main()
