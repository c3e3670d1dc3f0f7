"""What the classes and channels of two small networks want to see, and what the numbers beside each picture say."""

import numpy as np
import torch
from networks import digit_network, patch_network, patches
from torch import nn

import pellucid
from pellucid import Objective, plots

net, x, y = digit_network()
maximize = pellucid.ActivationMaximization()
classes = maximize(net, x)
plots.figure(classes).savefig("digits_optima.png", dpi=100)
plots.figure(classes, "reached").savefig("digits_optima_reached.png", dpi=100)
print(classes.narrate())
print(classes.to_frame().head().to_string())

four_not_nine = maximize(net, x, target=[Objective(4) - Objective(9), Objective(9) - Objective(4)])
plots.figure(four_not_nine).savefig("digits_optima_differences.png", dpi=100)

photographs, regions = patches(600, seed=1)
channels = pellucid.ActivationMaximization(diversity=0.5)(
    patch_network(), photographs - 0.5, at="conv3", target=range(6), features=pellucid.Pixels(mean=(0.5,))
)
plots.figure(channels).savefig("patches_optima.png", dpi=100)
print(channels.narrate())

rng = np.random.default_rng(0)
steps = np.linspace(0, 6, 60)
kinds = rng.integers(0, 3, 300)
waves = np.stack([np.sin((k + 1) * steps + rng.uniform(0, 0.6)) + 0.2 * rng.normal(size=60) for k in kinds])
drift = 0.1 * np.cumsum(rng.normal(size=(300, 60)), 1) + (kinds == 2)[:, None] * steps / 4
series = np.stack([waves, drift], 1).astype(np.float32)

torch.manual_seed(0)
model = nn.Sequential(
    *(nn.Conv1d(2, 12, 7, padding=3), nn.ReLU(), nn.Conv1d(12, 12, 7, padding=3), nn.ReLU()),
    *(nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(48, 3)),
)
optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
for _ in range(120):
    optimiser.zero_grad()
    nn.functional.cross_entropy(model(torch.tensor(series)), torch.tensor(kinds)).backward()
    optimiser.step()
heard = maximize(model, series, target=2, features=pellucid.Steps(names=("wave", "drift")))
plots.figure(heard).savefig("series_optima.png", dpi=100)
print(heard.narrate())
