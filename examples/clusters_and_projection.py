"""How the last hidden layer of two small networks groups their data: clusters, components, neighbourhoods."""

from networks import digit_network, patch_network, patches

import pellucid
from pellucid import plots

places, regions = patches(400, seed=1)
for name, net, x, y in (("digits", *digit_network()), ("patches", patch_network(), places - 0.5, regions)):
    groups = pellucid.ActivationClusters()(net, x, y=y)
    plots.figure(groups).savefig(f"{name}_clusters.png", dpi=100)
    plots.figure(groups, "silhouettes").savefig(f"{name}_silhouettes.png", dpi=100)
    plots.figure(pellucid.Projection()(net, x, y=y)).savefig(f"{name}_pca.png", dpi=100)
    tsne = pellucid.Projection(by="tsne")(net, x, y=y)
    plots.figure(tsne, colour="error").savefig(f"{name}_tsne.png", dpi=100)
    print(groups.narrate())
    print(tsne.narrate())
