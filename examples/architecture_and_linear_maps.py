"""Two small networks as they run, and their layers as linear maps."""

from networks import digit_network, patch_network, patches

import pellucid
from pellucid import plots

for name, net, x in (
    ("digits", *digit_network()[:2]),
    ("patches", patch_network(), patches(400, seed=1)[0] - 0.5),
):
    steps = pellucid.Architecture()(net, x)
    plots.figure(steps).savefig(f"{name}_architecture.png", dpi=100)
    linear = pellucid.LinearDecomposition()(net, x[:400], at=["dense*", "fc*"][name == "patches"])
    plots.figure(linear).savefig(f"{name}_linearity.png", dpi=100)
    plots.figure(linear, "effective").savefig(f"{name}_effective.png", dpi=100)
    print(steps.narrate())
    print(linear.narrate())
