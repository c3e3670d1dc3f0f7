"""A photograph with a network, by LIME, Partition SHAP and RISE: which regions made it say "flower".

The network is trained here, on crops of two photographs that scikit-learn brings along; what it is asked about is half
of one beside half of the other, so that the right answer is known.
"""

import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torch import nn

import pellucid

china, flower = (
    image[::2, ::2].transpose(2, 0, 1).astype(np.float32) / 255 for image in load_sample_images().images
)
rng, size = np.random.default_rng(0), 64


def crop(image: np.ndarray) -> np.ndarray:
    y, x = (int(rng.integers(0, side - size)) for side in image.shape[1:])
    return image[:, y : y + size, x : x + size]


torch.manual_seed(0)
net = nn.Sequential(
    nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(), nn.Conv2d(8, 16, 5, stride=2), nn.ReLU(),
    nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(256, 2),
)  # fmt: skip
steps = torch.optim.Adam(net.parameters(), 2e-3)
for _ in range(150):
    batch = torch.from_numpy(np.stack([crop(image) for image in (china, flower) for _ in range(8)]))
    loss = nn.functional.cross_entropy(net(batch), torch.arange(2).repeat_interleave(8))
    steps.zero_grad()
    loss.backward()
    steps.step()

both = np.concatenate([china[:, 60:124, 100:132], flower[:, 60:124, 150:182]], axis=2)[None]
asked = {"target": "flower", "classes": ("china", "flower")}
masker = pellucid.Segments("grid", count=16, fill="mean")
for name, method, hidden in (
    ("lime", pellucid.LIME(), {"masker": masker}),
    ("partition", pellucid.PartitionShap(), {"masker": masker}),
    ("rise", pellucid.RISE(budget=2000), {"baseline": "mean"}),
):
    e = method(net, both, **asked, **hidden)
    right = e.values[0, :, :, 32:].sum() > e.values[0, :, :, :32].sum()
    print(name, "finds the flower on the right:", bool(right), e.narrate(), sep="\n")
    e.plot("overlay").figure.savefig(f"photograph_{name}.png", dpi=110)
    e.plot("overlay", lang="zh").figure.savefig(f"photograph_{name}_zh.png", dpi=110)
