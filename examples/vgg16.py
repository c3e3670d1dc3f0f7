"""VGG16 in Keras: kernels of every layer, feature maps, what pooling keeps, class activation maps on a photograph.

The weights are ImageNet's where they are on this machine or can be had, and random otherwise: the page then says so,
and what it shows is how a network looks before it has learned anything.
"""

from pathlib import Path

import keras
import numpy as np
from skimage.data import astronaut
from skimage.transform import resize

import pellucid
from pellucid import plots

keras.utils.set_random_seed(0)
try:
    net, said = keras.applications.VGG16(weights="imagenet"), "Weights trained on ImageNet."
except Exception as error:  # noqa: BLE001  # Keras raises a bare one where a download fails
    net, said = (
        keras.applications.VGG16(weights=None),
        f"Random weights: the trained ones could not be had ({type(error).__name__}).",
    )
print(said)

photograph = resize(astronaut(), (224, 224), preserve_range=True).astype("float32")
x = keras.applications.vgg16.preprocess_input(photograph[None].copy())

pictures: list[tuple[str, str]] = []


def keep(figure, name: str, sentence: str) -> None:
    figure.savefig(f"{name}.png", dpi=100, bbox_inches="tight")
    pictures.append((f"{name}.png", sentence))


kernels = pellucid.Kernels()(net)
for layer in kernels.layers:
    keep(plots.figure(kernels, layer=layer), f"vgg16_kernels_{layer}", f"{layer}: {kernels.narrate()}")

maps = pellucid.FeatureMaps()(net, x, at=[name for name in kernels.layers if name.endswith("conv1")])
for layer in maps.layers:
    keep(
        plots.figure(maps, "maps", layer=layer),
        f"vgg16_maps_{layer}",
        f"What {layer} sees in the photograph.",
    )

pools = pellucid.FeatureMaps()(net, x, at="*pool")
for layer in pools.layers:
    keep(
        plots.figure(pools, "pooling", layer=layer),
        f"vgg16_{layer}",
        f"What {layer} keeps of what it is given.",
    )

for method in (pellucid.GradCAM(), pellucid.HiResCAM(), pellucid.LayerCAM()):
    e = method(net, x)
    keep(e.plot("overlay").figure, f"vgg16_{e.provenance.method}", e.narrate())

page = "\n".join(
    f'<figure><img src="{file}"><figcaption>{sentence}</figcaption></figure>' for file, sentence in pictures
)
Path("vgg16.html").write_text(
    f"<!doctype html><title>VGG16</title><h1>VGG16</h1><p>{said}</p>{page}", "utf-8"
)
print(f"{len(pictures)} pictures, all on vgg16.html; mean of the input {np.mean(x):.1f}")
