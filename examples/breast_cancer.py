"""A random forest on the breast-cancer table: one row, many rows, and the whole model."""

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier

import pellucid

data = load_breast_cancer(as_frame=True)
X, y, names = data.data, data.target, data.target_names
forest = RandomForestClassifier(random_state=0).fit(X[:400], y[:400])

row = pellucid.KernelShap()(forest, X[414:415], background=X[:100], classes=names)
row.plot("bar").figure.savefig("cancer_bar.png", dpi=110)
row.plot("waterfall", lang="zh").figure.savefig("cancer_waterfall_zh.png", dpi=110)
print(row.narrate(), row.narrate("zh"), sep="\n")

many = pellucid.KernelShap(budget=400)(
    forest, X[400:460], target="malignant", background=X[:20], classes=names
)
many.plot("beeswarm").figure.savefig("cancer_beeswarm.png", dpi=110)

groups = {"size": tuple(c for c in X.columns if any(word in c for word in ("radius", "perimeter", "area")))}
columns = pellucid.Columns(tuple(X.columns), groups=groups)
importance = pellucid.PermutationImportance()(forest, X[400:], y[400:], features=columns)
importance.plot().figure.savefig("cancer_importance.png", dpi=110)
print(importance.narrate())
