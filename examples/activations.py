"""What the units of two small networks do over their data, and which images excite them."""

from networks import digit_network, patch_network, patches

import pellucid
from pellucid import plots

for name, net, x in (
    ("digits", *digit_network()[:2]),
    ("patches", patch_network(), patches(1000, seed=1)[0] - 0.5),
):
    e = pellucid.Activations()(net, x)
    plots.figure(e, layer="F.relu#3").savefig(f"{name}_statistics.png", dpi=100)
    plots.figure(e, "examples", layer="F.relu#3").savefig(f"{name}_examples.png", dpi=100)
    plots.figure(e, "activation_curve").savefig(f"{name}_curve.png", dpi=100)
    plots.figure(e, "unit_scatter", layer="F.relu#3", unit=1).savefig(f"{name}_scatter.png", dpi=100)
    print(e.narrate())
