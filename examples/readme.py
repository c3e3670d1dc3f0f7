"""The picture of the README: a waterfall of the row that a random forest gets wrong."""

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier

import pellucid

data = load_breast_cancer(as_frame=True)
forest = RandomForestClassifier(random_state=0).fit(data.data[:400], data.target[:400])

row = data.data[414:415]  # a malignant tumour that the forest gets wrong
e = pellucid.explain(forest, row, background=data.data[:100], classes=data.target_names)
e.plot("waterfall").figure.savefig("readme.png", dpi=120)
print(e.narrate())
