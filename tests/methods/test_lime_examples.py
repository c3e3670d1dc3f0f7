"""LIME on Iris with a forest, on a photograph with a network, on texts with a pipeline: two seeds choose alike, or not.

Where they do not, the result of either seed says so. The defaults are asked, as in the examples.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_sample_images
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import pellucid

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
NAMES = ("iris_forest", "photograph", "words_of_a_review")


@lru_cache
def asked(name: str) -> tuple[Any, Any, dict[str, Any]]:
    """A model, what is explained, and what goes with it."""
    if name == "iris_forest":
        X, y = load_iris(return_X_y=True)
        return (
            RandomForestClassifier(100, random_state=0).fit(X, y),
            X[[25, 77, 133, 0, 60, 149]],
            {"background": X},
        )
    if name == "photograph":
        import torch
        from torch import nn

        flower = load_sample_images().images[1][100:164, 260:324].transpose(2, 0, 1)[None] / np.float32(255)
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(), nn.Conv2d(8, 16, 5, stride=2), nn.ReLU(),
            nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(256, 2),
        )  # fmt: skip
        return net, flower, {"target": 0}
    good, bad = ["wonderful", "great", "moving", "fine"], ["awful", "boring", "dull", "weak"]
    texts = [f"the {t} was {w} and it was {w}" for w in good + bad for t in ("acting", "story", "music")]
    liked = [w in good for w in good + bad for _ in range(3)]
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(C=20)).fit(texts, liked)
    review = "The acting was great and I loved the music, but the script was awful, awful!"
    return pipeline, [review, "a dull story with fine music"], {"target": 1}


def chosen(method: Any, name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, players) which players a seed chose, and (rows,) whether the result doubts that another would."""
    model, x, how = asked(name)
    with pellucid.options(seed=seed):
        e = method(model, x, **how)
    doubted = np.zeros(len(e), bool)
    check = e.quality.check("stability")
    doubted[list(check.rows)] = check.status != "ok"
    return np.nan_to_num(e.player_values) != 0, doubted


def jaccard(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a & b).sum(1) / np.maximum((a | b).sum(1), 1)


@pytest.mark.parametrize("name", NAMES)
def test_two_seeds_choose_alike_or_the_result_says_that_they_do_not(name):
    """Iris has four columns, all chosen by default, so that two are asked for as well."""
    methods = [pellucid.LIME(), *([pellucid.LIME(top=2)] if name == "iris_forest" else [])]
    for method in methods:
        (a, doubt), (b, other) = (chosen(method, name, seed) for seed in (1, 2))
        alike = jaccard(a, b)
        assert (alike[~(doubt | other)] >= 0.9).all(), (alike, doubt, other)


def test_where_many_features_are_alike_seeds_differ_and_the_result_says_so():
    """Ten of forty columns that all do the same: which ten is chance."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 40))
    f = lambda r: r.sum(1) + np.sin(5 * r).sum(1)  # noqa: E731
    picked, doubts = [], []
    for seed in (1, 2):
        with pellucid.options(seed=seed):
            e = pellucid.LIME(budget=500)(f, X[:4] * 0 + 1.0, background=X)
        picked.append(e.values != 0)
        doubts.append(e.quality.check("stability").status)
    assert (jaccard(*picked) < 0.9).all()
    assert set(doubts) <= {"warn", "fail"}


def test_where_few_features_matter_seeds_agree_and_nothing_is_doubted():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 12))
    f = lambda r: 3 * r[:, 0] - 2 * r[:, 5] + np.tanh(r[:, 7])  # noqa: E731
    picked = []
    for seed in (1, 2):
        with pellucid.options(seed=seed):
            e = pellucid.LIME(top=3)(f, X[:4], background=X)
        picked.append(e.values != 0)
        assert e.quality.check("stability").status == "ok"
    assert (jaccard(*picked) == 1).all()
    assert (picked[0] == np.isin(np.arange(12), [0, 5, 7])).all()
