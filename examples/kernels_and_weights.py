"""What two small networks learned: first-layer kernels in colour, deeper ones as a table, weights as a map."""

from networks import digit_network, patch_network

import pellucid
from pellucid import plots

for name, net in (("digits", digit_network()[0]), ("patches", patch_network())):
    kernels, weights = (
        pellucid.Kernels()(net),
        pellucid.Weights()(net, at=["dense*", "fc*"][name == "patches"]),
    )
    for layer in kernels.layers:
        plots.figure(kernels, layer=layer).savefig(f"{name}_kernels_{layer}.png", dpi=100)
    for layer in weights.layers:
        plots.figure(weights, layer=layer).savefig(f"{name}_weights_{layer}.png", dpi=100)
    plots.figure(pellucid.Weights()(net), "distribution").savefig(f"{name}_distribution.png", dpi=100)
    print(kernels.narrate())
    print(weights.narrate())
