"""Where partial dependence misleads and accumulated local effects do not; interactions; a tree that stands in."""

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier

import pellucid

rng = np.random.default_rng(0)
height = rng.uniform(-2, 2, 3000)
X = np.column_stack([height, height + 0.3 * rng.normal(size=3000)])
columns = pellucid.Columns(("height", "reach"))


def model(rows: np.ndarray) -> np.ndarray:
    """It is height wherever there are data; where height and reach are far apart, there is nobody, and it runs wild."""
    tall, far = rows.T
    return np.where(np.abs(tall - far) < 1.5, tall, -3 * tall)


figure = Figure(figsize=(10.5, 4), layout="constrained")
left, right = figure.subplots(1, 2, sharey=False)
dependence = pellucid.PartialDependence()(model, X, features=columns, columns="height")
effects = pellucid.AccumulatedLocalEffects(bins=30)(model, X, features=columns, columns="height")
dependence.plot("curve", ax=left, own=False)
effects.plot("curve", ax=right)
figure.savefig("effects.png", dpi=110)
print(dependence.narrate(), effects.narrate(), sep="\n")

data = load_breast_cancer(as_frame=True)
names = tuple(data.target_names)
forest = RandomForestClassifier(random_state=0).fit(data.data, data.target)
all_columns = pellucid.AccumulatedLocalEffects()(forest, data.data, classes=names)
all_columns.plot("curves").figure.savefig("effects_of_all_columns.png", dpi=110)
pair = pellucid.AccumulatedLocalEffects()(
    forest, data.data, classes=names, columns=("worst radius", "worst texture")
)
pair.plot("effect_map").figure.savefig("effects_of_two_columns.png", dpi=110)

interactions = pellucid.HStatistic(rows=40)(forest, data.data, classes=names)
interactions.plot(lang="zh").figure.savefig("effects_interactions_zh.png", dpi=110)

tree = pellucid.GlobalSurrogate(size=6, depth=3)(forest, data.data, classes=names)
tree.plot().figure.savefig("effects_surrogate.png", dpi=110)
print(tree.narrate())
