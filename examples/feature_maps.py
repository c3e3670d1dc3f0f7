"""What the layers of two small networks give for an image, and what pooling keeps of it."""

from networks import digit_network, patch_network, patches

import pellucid
from pellucid import plots

for name, net, x in (
    ("digits", *digit_network()[:2]),
    ("patches", patch_network(), patches(4, seed=1)[0] - 0.5),
):
    maps = pellucid.FeatureMaps()(net, x[:4], at=["conv*", "F.relu#*", "F.max_pool2d#*"])
    plots.figure(maps, "maps", layer="conv1").savefig(f"{name}_maps_conv1.png", dpi=100)
    plots.figure(maps, "maps", layer="F.relu#3", same=False).savefig(f"{name}_maps_relu3.png", dpi=100)
    plots.figure(maps, "pooling", layer="F.max_pool2d#1").savefig(f"{name}_pooling.png", dpi=100)
    print(maps.narrate())
