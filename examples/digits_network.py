"""A small network on scikit-learn's handwritten digits, looked at by every gradient method and by occlusion."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

import pellucid

data = load_digits()
images = F.interpolate(torch.tensor(data.images[:, None] / 16, dtype=torch.float32), size=32, mode="bilinear")
labels = torch.tensor(data.target)

torch.manual_seed(0)
net = nn.Sequential(
    *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
    *(nn.Linear(32 * 64, 64), nn.ReLU(), nn.Linear(64, 10)),
)
optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
for _ in range(4):
    for part in torch.randperm(1500).split(50):
        optimiser.zero_grad()
        F.cross_entropy(net(images[part]), labels[part]).backward()
        optimiser.step()

shown = images[1500:1504]
for method in (
    pellucid.Saliency(),
    pellucid.InputXGradient(),
    pellucid.IntegratedGradients(),
    pellucid.NoiseTunnel(of=pellucid.Saliency()),
    pellucid.GradCAM(),
    pellucid.Occlusion(window=(1, 6, 6), strides=(1, 2, 2)),
    pellucid.KernelShap(budget=400),
):
    e = method(net, shown)
    e.plot("grid").figure.savefig(f"digits_{method.name}.png", dpi=110)
    print(e.narrate())
