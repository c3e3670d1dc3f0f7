"""What moves the units of two small networks, and how the gradient comes back through their layers."""

from networks import digit_network, patch_network, patches

import pellucid
from pellucid import plots

for name, net, x in (
    ("digits", *digit_network()[:2]),
    ("patches", patch_network(), patches(50, seed=1)[0] - 0.5),
):
    e = pellucid.Gradients()(net, x[:2], at="conv3")
    plots.figure(e).savefig(f"{name}_gradients.png", dpi=100)
    flow = pellucid.GradientFlow()(net, x[:50])
    plots.figure(flow).savefig(f"{name}_flow.png", dpi=100)
    print(e.narrate())
    print(flow.narrate())
