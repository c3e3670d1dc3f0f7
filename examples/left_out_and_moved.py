"""One feature left out, two together, one moved: on Iris, on words, on a flower and on a series."""

import numpy as np
from sklearn.datasets import load_iris, load_sample_images
from sklearn.ensemble import RandomForestClassifier

import pellucid
from pellucid import plots

data = load_iris(as_frame=True)
X, names = data.data.rename(columns=lambda c: c.removesuffix(" (cm)")), data.target_names
columns = pellucid.Columns(tuple(X.columns), units=dict.fromkeys(X.columns, "cm"))
forest = RandomForestClassifier(200, random_state=0).fit(X, data.target)
border = X.loc[[70]]  # a versicolor that is nearly a virginica
about = {"background": X, "features": columns, "classes": names}

moved = pellucid.SensitivityAnalysis()(forest, border, **about)
print(moved.narrate(), moved.narrate("zh"), sep="\n")
print(moved.to_frame().round(3).to_string())
moved.plot().figure.savefig("iris_moved.png", dpi=110)
moved.plot(lang="zh").figure.savefig("iris_moved_zh.png", dpi=110)

# Petal length and width go together, so they are left out together as well.
alone, together = (pellucid.Ablation(groups=groups)(forest, border, **about) for groups in (None, 3))
print(dict(zip(X.columns, alone.values[0].round(3).tolist(), strict=True)))
print(dict(zip(together.players[0], together.player_values[0].round(3).tolist(), strict=True)))

# Behind rows that occur, and behind any rows: 20 neighbours in what is present, or the whole background.
near = pellucid.ExactShapley()(
    forest, border, features=columns, classes=names, masker=pellucid.Conditional(X.to_numpy(), 20)
)
near.plot("waterfall").figure.savefig("iris_conditional.png", dpi=110)


def mood(texts: list[str]) -> np.ndarray:
    """Counts praise, and turns it round behind "not"."""
    words = [t.lower().split() for t in texts]
    return np.array(
        [
            sum((-1.0 if "not" in w[:i] else 1.0) * (v in ("good", "fine")) for i, v in enumerate(w))
            for w in words
        ]
    )


pairs = pellucid.ShapleyInteractions()(mood, "This is not a good film")
print(pairs.narrate())
pairs.plot().figure.savefig("words_pairs.png", dpi=110)
pairs.plot(lang="zh").figure.savefig("words_pairs_zh.png", dpi=110)
words = pellucid.Ablation()(mood, "This is not a good film , though the cast is fine")
print(plots.terminal(words))
words.save("words.html", lang="zh")

flower = load_sample_images().images[1][100:300:2, 200:400:2].transpose(2, 0, 1)[None] / 255.0
red = pellucid.PartitionShap()(
    lambda v: v[:, 0].mean((1, 2)) - v[:, 1].mean((1, 2)), flower, masker=pellucid.Segments(fill="inpaint")
)
red.plot("regions").figure.savefig("flower_regions.png", dpi=110)
red.plot("regions", lang="zh").figure.savefig("flower_regions_zh.png", dpi=110)

days = np.random.default_rng(0).normal(size=(1, 2, 56)).cumsum(2) / 4
days[0, 0, 28:32] += 3
peak = pellucid.PermutationShap()(
    lambda s: s[:, 0].max(1),
    days,
    masker=pellucid.Stretches(14, "interpolation"),
    features=pellucid.Steps(("load", "wind"), unit="day"),
)
print(peak.narrate())
peak.plot("series").figure.savefig("series_windows.png", dpi=110)
