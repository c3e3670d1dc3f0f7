"""Black-box Shapley values against shapiq, shap and captum: error on nine games, coverage of intervals, time per row.

Every estimator is given the same game, a function of coalitions, and the same number of evaluations of it. The exact
values come from all coalitions, for 30 and 60 features from boosted trees' own algorithm. Which games and how many
seeds can be chosen: python benchmarks/black_box.py --games forest image --seeds 3
"""

from __future__ import annotations

from measure import one_thread, table

one_thread()

import argparse
import logging
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_breast_cancer, load_wine, make_friedman1, make_regression
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

import pellucid

warnings.simplefilter("ignore")
logging.getLogger("shap").setLevel(logging.ERROR)

ROWS, BACKGROUND = 3, 10
Play = Callable[[np.ndarray], np.ndarray]
"""Coalitions (m, players) of zeros and ones -> (m,)."""
Truth = tuple[list[Play], np.ndarray]
"""One game for each row, and their exact values."""


# -- games ----------------------------------------------------------------------------------------------------------


def behind(predict: Callable[[np.ndarray], np.ndarray], row: np.ndarray, background: np.ndarray) -> Play:
    """The interventional game of a row."""

    def play(coalitions: np.ndarray) -> np.ndarray:
        filled = np.where(np.asarray(coalitions)[:, None] > 0.5, row, background)
        return predict(filled.reshape(-1, len(row))).reshape(len(filled), -1).mean(1)

    return play


def enumerated(predict: Callable[[np.ndarray], np.ndarray], X: np.ndarray) -> Truth:
    """Games of the first rows of X behind its last, solved over all coalitions."""
    plays = [behind(predict, row, X[-BACKGROUND:]) for row in X[:ROWS]]
    players = X.shape[1]
    values = [pellucid.ExactShapley()(play, np.ones((1, players)), baseline=0.0).values[0] for play in plays]
    return plays, np.array(values)


def of_trees(features: int) -> Truth:
    import shap

    X, y = make_regression(800, features, n_informative=features // 2, random_state=0)
    X[:, 1::3] += 0.5 * X[:, ::3][:, : X[:, 1::3].shape[1]]
    y = y + 40 * X[:, 0] * X[:, 1] + 30 * np.sign(X[:, 2] * X[:, 3] * X[:, 4])
    model = GradientBoostingRegressor(n_estimators=120, max_depth=4, random_state=0).fit(X, y)
    background = X[-BACKGROUND:]
    explainer = shap.TreeExplainer(model, background, feature_perturbation="interventional")
    return [behind(model.predict, row, background) for row in X[:ROWS]], explainer.shap_values(X[:ROWS])


def additive() -> Truth:
    X = np.random.default_rng(0).normal(size=(60, 12))
    return enumerated(lambda r: np.sin(2 * r) @ np.linspace(1, 3, 12) + np.exp(r[:, 0]), X)


def product() -> Truth:
    X = np.random.default_rng(0).uniform(0.5, 1.5, size=(60, 12))
    return enumerated(lambda r: r.prod(1), X)


def forest() -> Truth:
    C = load_breast_cancer()
    model = RandomForestClassifier(30, random_state=0).fit(C.data[:, :12], C.target)
    return enumerated(lambda r: model.predict_proba(r)[:, 1], C.data[:, :12])


def boosting() -> Truth:
    X, y = make_friedman1(600, 12, random_state=0)
    return enumerated(GradientBoostingRegressor(random_state=0).fit(X, y).predict, X)


def network() -> Truth:
    X, y = make_friedman1(600, 12, random_state=0)
    X = StandardScaler().fit_transform(X)
    return enumerated(
        MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=600, random_state=0).fit(X, y).predict, X
    )


def neighbours() -> Truth:
    wine = load_wine()
    W = StandardScaler().fit_transform(wine.data)[:, :12]
    order = np.random.default_rng(0).permutation(len(W))
    model = KNeighborsClassifier(9).fit(W, wine.target)
    return enumerated(lambda r: model.predict_proba(r)[:, 1], W[order])


def image() -> Truth:
    """Sixteen regions of a picture of a digit, blacked out, and a network's logit."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    D = digits.data / 16
    model = MLPRegressor(hidden_layer_sizes=(48,), max_iter=300, random_state=0).fit(
        D, np.eye(10)[digits.target]
    )
    region = (np.arange(8)[:, None] // 2 * 4 + np.arange(8) // 2).ravel()
    plays: list[Play] = []
    for k in range(ROWS):

        def play(coalitions: np.ndarray, k: int = k) -> np.ndarray:
            return model.predict(np.asarray(coalitions)[:, region] * D[k])[:, digits.target[k]]

        plays.append(play)
    ones = np.ones((1, 16))
    return plays, np.array([pellucid.ExactShapley()(p, ones, baseline=0.0).values[0] for p in plays])


GAMES: dict[str, tuple[Callable[[], Truth], tuple[int, int, int]]] = {
    "additive": (additive, (120, 240, 480)),
    "product": (product, (120, 240, 480)),
    "forest": (forest, (120, 240, 480)),
    "boosting": (boosting, (120, 240, 480)),
    "network": (network, (120, 240, 480)),
    "neighbours": (neighbours, (120, 240, 480)),
    "30 features": (lambda: of_trees(30), (150, 600, 1200)),
    "60 features": (lambda: of_trees(60), (300, 600, 1200)),
    "image": (image, (160, 320, 640)),
}


# -- estimators -----------------------------------------------------------------------------------------------------


def by_pellucid(method: type) -> Callable[[Play, int, int, int], tuple[np.ndarray, np.ndarray, bool]]:
    """Values, half-widths, and whether the result says `caution` itself."""

    def run(play: Play, players: int, budget: int, seed: int) -> tuple[np.ndarray, np.ndarray, bool]:
        with pellucid.options(seed=seed, progress=False):
            e = method(budget=budget)(play, np.ones((1, players)), baseline=0.0)
        return e.values[0], e.quality.half_width[0], e.quality.verdict != "ok"

    return run


def by_shapiq(name: str, **knobs: object) -> Callable[[Play, int, int, int], np.ndarray]:
    def run(play: Play, players: int, budget: int, seed: int) -> np.ndarray:
        import shapiq

        estimator = getattr(shapiq, name)(n=players, random_state=seed, **knobs)
        found = estimator.approximate(budget, play)
        return np.array([found[(i,)] for i in range(players)])

    return run


def by_shap(name: str) -> Callable[[Play, int, int, int], np.ndarray]:
    def run(play: Play, players: int, budget: int, seed: int) -> np.ndarray:
        import shap

        np.random.seed(seed)  # noqa: NPY002 (shap draws from the global stream)
        ones, zeros = np.ones((1, players)), np.zeros((1, players))
        if name == "Kernel":
            return shap.KernelExplainer(play, zeros).shap_values(
                ones, nsamples=budget, l1_reg=0, silent=True
            )[0]
        if name == "Sampling":
            return np.asarray(
                shap.SamplingExplainer(play, zeros).shap_values(ones, nsamples=budget, silent=True)
            )[0]
        masker = shap.maskers.Independent(zeros)
        return shap.PermutationExplainer(play, masker, seed=seed)(ones, max_evals=budget, silent=True).values[
            0
        ]

    return run


def by_captum(name: str) -> Callable[[Play, int, int, int], np.ndarray]:
    def run(play: Play, players: int, budget: int, seed: int) -> np.ndarray:
        import captum.attr
        import torch

        torch.manual_seed(seed)
        forward = lambda mask: torch.from_numpy(np.asarray(play(mask.numpy())))  # noqa: E731
        method = getattr(captum.attr, name)(forward)
        samples = budget if name == "KernelShap" else max(1, budget // players)
        ones, zeros = (
            torch.ones(1, players, dtype=torch.float64),
            torch.zeros(1, players, dtype=torch.float64),
        )
        return method.attribute(ones, zeros, n_samples=samples, perturbations_per_eval=samples)[0].numpy()

    return run


OURS = {k: by_pellucid(getattr(pellucid, k)) for k in ("GaussianShap", "KernelShap", "PermutationShap")}
SHAPIQ = {
    "shapiq KernelSHAP, paired": by_shapiq("KernelSHAP", pairing_trick=True),
    "shapiq kADDSHAP, paired": by_shapiq("kADDSHAP", pairing_trick=True),
    "shapiq SVARM": by_shapiq("SVARM"),
    "shapiq permutation": by_shapiq("PermutationSamplingSV"),
    "shapiq stratified": by_shapiq("StratifiedSamplingSV"),
}
OTHERS = {
    **{f"shap {name}": by_shap(name) for name in ("Kernel", "Permutation", "Sampling")},
    **{f"captum {name}": by_captum(name) for name in ("KernelShap", "ShapleyValueSampling")},
}


def compare(name: str, seeds: int) -> list[list[str]]:
    """Rows of the table for one game: errors of ours, and their ratios to the best of the others."""
    make, budgets = GAMES[name]
    plays, truth = make()
    players = truth.shape[1]
    rows = list[list[str]]()
    for budget in budgets:
        errors: dict[str, list[float]] = {}
        covered: list[np.ndarray] = []
        cautious: list[bool] = []
        for play, wanted in zip(plays, truth, strict=True):
            for seed in range(seeds):
                for label, run in {**OURS, **SHAPIQ, **OTHERS}.items():
                    try:
                        found = run(play, players, budget, seed)
                    except Exception:  # noqa: BLE001 (a rival that takes no such budget is left out of the row)
                        continue
                    if isinstance(found, tuple):
                        if label == "GaussianShap":
                            covered.append(np.abs(found[0] - wanted) <= found[1] + 1e-9)
                            cautious.append(found[2])
                        found = found[0]
                    errors.setdefault(label, []).append(
                        float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))
                    )
        middle = {label: max(float(np.median(e)), 1e-9) for label, e in errors.items()}
        kinds = {"shapiq": SHAPIQ, "rest": OTHERS}
        best = {k: min((middle[m], m) for m in kind if m in middle) for k, kind in kinds.items()}
        ours = middle["GaussianShap"]
        rows.append(
            [
                name,
                str(budget),
                f"{ours:.2g}",
                f"{middle['KernelShap']:.2g}" if "KernelShap" in middle else "-",
                f"{ours / best['shapiq'][0]:.2f} {best['shapiq'][1].split()[1].rstrip(',')}",
                f"{ours / best['rest'][0]:.2f} {' '.join(best['rest'][1].split())}",
                f"{np.mean(covered):.2f}",
                f"{np.mean(cautious):.2f}",
            ]
        )
        print("  ".join(rows[-1]), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--games", nargs="*", default=list(GAMES))
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    rows = [row for name in asked.games for row in compare(name, asked.seeds)]
    head = [
        "game",
        "evaluations",
        "error",
        "of KernelShap",
        "to best of shapiq",
        "to best of shap, captum",
        "covered",
        "says caution",
    ]
    print(table("Median relative error of GaussianShap at equal evaluations", head, rows))
    for column, name in ((4, "shapiq"), (5, "shap and captum")):
        ratios = [float(row[column].split()[0]) for row in rows]
        print(f"Median ratio to the best of {name}: {np.median(ratios):.2f}; largest {max(ratios):.2f}")


if __name__ == "__main__":
    main()
