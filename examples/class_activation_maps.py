"""A small network on scikit-learn's handwritten digits, looked at by every class activation map."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

import pellucid

data = load_digits()
images = F.interpolate(torch.tensor(data.images[:, None] / 16, dtype=torch.float32), size=16, mode="bilinear")
labels = torch.tensor(data.target)

torch.manual_seed(0)
net = nn.Sequential(
    *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()),
    *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)),
)
optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
for _ in range(5):
    for part in torch.randperm(1500).split(50):
        optimiser.zero_grad()
        F.cross_entropy(net(images[part]), labels[part]).backward()
        optimiser.step()

shown = images[1500:1504]
for method in (
    pellucid.CAM(),
    pellucid.GradCAM(),
    pellucid.GradCAMPlusPlus(),
    pellucid.HiResCAM(),
    pellucid.XGradCAM(),
    pellucid.LayerCAM(),
    pellucid.EigenCAM(),
    pellucid.ScoreCAM(),
    pellucid.AblationCAM(),
    pellucid.GuidedGradCAM(),
):
    e = method(net, shown)
    e.plot("grid").figure.savefig(f"maps_{method.name}.png", dpi=80)
    print(e.narrate())
