"""A credit-like table with words and numbers: what would have to be different, in both languages; and digits."""

import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from torch import nn

import pellucid

rng = np.random.default_rng(0)
n = 3000
table = pd.DataFrame(
    {
        "income": rng.lognormal(10.6, 0.4, n).round(-2),
        "age": rng.integers(18, 80, n).astype(float),
        "debt": rng.gamma(2, 4000, n).round(-1),
        "sex": rng.choice(["female", "male"], n),
        "job": rng.choice(["clerk", "nurse", "engineer", "none"], n, p=[0.4, 0.2, 0.25, 0.15]),
    }
)
job = table.job.map({"clerk": 0.0, "nurse": 0.4, "engineer": 0.8, "none": -1.5})
score = 3 * (np.log(table.income) - 10.6) - 1.2 * (table.debt / 8000 - 1) + job
answer = np.where(score + rng.normal(0, 0.5, n) > 0, "approve", "refuse")
coded = make_column_transformer((OrdinalEncoder(), ["sex", "job"]), remainder="passthrough")
model = make_pipeline(coded, HistGradientBoostingClassifier(categorical_features=[0, 1])).fit(table, answer)

refused = table[model.predict(table) == "refuse"].iloc[:5]
allowed = pellucid.Constraints(
    immutable=["sex"], increase_only=["age"], ranges={"age": (18, 90)}, noise={"income": 500}
)
e = pellucid.Counterfactual(k=2)(
    model, refused, target="approve", background=table, constraints=allowed,
    features=pellucid.Columns(
        tuple(table), {"income": "€", "debt": "€"},
        {"sex": ("female", "male"), "job": ("clerk", "engineer", "none", "nurse")},
    ),
)  # fmt: skip
for row in range(len(refused)):
    print(e.narrate(row=row), e.narrate("zh", row=row), sep="\n")
for kind in ("changes", "boundary", "way"):
    for lang in ("en", "zh"):
        e.plot(kind, lang=lang, row=4).figure.savefig(f"counterfactual_{kind}_{lang}.png", dpi=110)

near = pellucid.BoundaryInstances(n=6)(model, refused[:1], background=table)
print(near.narrate())

digits = load_digits()
images = (digits.images / 16).astype(np.float32)[:, None]
torch.manual_seed(0)
net = nn.Sequential(
    *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU()),
    *(nn.Flatten(), nn.Linear(256, 10)),
)
optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
for _ in range(80):
    optimiser.zero_grad()
    nn.functional.cross_entropy(
        net(torch.tensor(images[:1200])), torch.tensor(digits.target[:1200])
    ).backward()
    optimiser.step()
wanted = (digits.target[1200:1203] + 5) % 10
changed = pellucid.Counterfactual()(
    net, images[1200:1203], target=wanted, background=images[:600], space=pellucid.Segments("grid", count=16)
)
print(changed.narrate(), changed.narrate("zh"), sep="\n")
for lang in ("en", "zh"):
    changed.plot(lang=lang).figure.savefig(f"counterfactual_image_{lang}.png", dpi=110)
