"""Iris with logistic regression: the table as a plane (PCA), the model's weights, its gradients flower by flower."""

import torch
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from torch import nn

import pellucid

data = load_iris(as_frame=True)
X, y, names = data.data, data.target.to_numpy(), data.target_names
X.columns = [c.removesuffix(" (cm)") for c in X.columns]

# Logistic regression is one linear layer: scikit-learn fits it, PyTorch holds it, so that it has layers and gradients.
fitted = LogisticRegression(C=10, max_iter=1000).fit(X, y)
line = nn.Sequential()
line.add_module("scores", nn.Linear(4, 3))
with torch.no_grad():
    line.scores.weight.copy_(torch.tensor(fitted.coef_))
    line.scores.bias.copy_(torch.tensor(fitted.intercept_))
rows = torch.tensor(X.to_numpy(), dtype=torch.float32)

plane = pellucid.Projection()(line, rows, y=y, at="input", classes=names)
plane.plot().figure.savefig("iris_plane.png", dpi=110)
print(plane.narrate())

weights = pellucid.Weights()(line)
weights.plot().figure.savefig("iris_weights.png", dpi=110)
print(weights.narrate())

columns = pellucid.Columns(tuple(X.columns), units=dict.fromkeys(X.columns, "cm"))
chance = nn.Sequential(line, nn.Softmax(1))
gradients = pellucid.Saliency(absolute=False)(
    chance, rows, target="versicolor", classes=names, features=columns
)
gradients.plot("beeswarm").figure.savefig("iris_gradients.png", dpi=110)
print(gradients[77].narrate())
