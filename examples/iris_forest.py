"""Iris with a random forest and LIME: what a flower of each kind was told by, and how far each line can be trusted."""

from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

import pellucid

data = load_iris(as_frame=True)
X, y, names = data.data, data.target, data.target_names
X.columns = [c.removesuffix(" (cm)") for c in X.columns]
columns = pellucid.Columns(tuple(X.columns), units=dict.fromkeys(X.columns, "cm"))
forest = RandomForestClassifier(200, random_state=0).fit(X, y)

flowers = X.loc[[25, 77, 133]]  # a plain setosa, and two near the border between the other kinds
e = pellucid.LIME()(forest, flowers, background=X, features=columns, classes=names)
for row, (flower, kind) in enumerate(zip(flowers.index, e.target, strict=True)):
    print(f"flower {flower}, {kind}:", e[row].narrate())
    e[row].plot("bar").figure.savefig(f"iris_lime_{flower}.png", dpi=110)
    e[row].plot("bar", lang="zh").figure.savefig(f"iris_lime_{flower}_zh.png", dpi=110)

many = pellucid.LIME(budget=1000)(
    forest, X[::3], background=X, features=columns, classes=names, target="virginica"
)
many.plot("beeswarm").figure.savefig("iris_lime_beeswarm.png", dpi=110)

# Flower 77 sits where the forest's steps are steep: no line follows it, LIME says so, and exact values answer instead.
exact = pellucid.ExactShapley()(forest, X.loc[[77]], background=X, features=columns, classes=names)
exact.plot("waterfall").figure.savefig("iris_exact_77.png", dpi=110)
exact.plot("waterfall", lang="zh").figure.savefig("iris_exact_77_zh.png", dpi=110)
print("flower 77, exactly:", exact.narrate(), exact.narrate("zh"), sep="\n")
