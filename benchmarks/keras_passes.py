"""What a look inside a Keras model costs, against the framework's own compiled passes, on each of its backends.

Capture of three layers against a forward pass; the gradient at the input, and at a layer (with the pass up to it),
against the gradient that the framework compiles. Run: python benchmarks/keras_passes.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from measure import THREADS, interleaved, ratio, table

BACKENDS = ("tensorflow", "jax", "torch")
LAYERS = ("conv1", "conv3", "conv5")


def network() -> Any:
    """A convolutional network for 64x64 images."""
    import keras
    from keras import layers as L

    keras.utils.set_random_seed(0)
    x = y = keras.Input((64, 64, 3))
    for i, width in enumerate((16, 32, 32, 64, 64), 1):
        y = L.Conv2D(width, 3, padding="same", activation="relu", name=f"conv{i}")(y)
        y = L.MaxPooling2D(2)(y) if i % 2 else L.BatchNormalization()(y)
    return keras.Model(x, L.Dense(10)(L.GlobalAveragePooling2D()(y)))


def native(model: Any, backend: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """The framework's own forward pass and input gradient, NumPy in and out."""
    import numpy as np

    if backend == "tensorflow":
        import tensorflow as tf

        forward = tf.function(lambda x: model(x, training=False), reduce_retracing=True)

        @tf.function(reduce_retracing=True)
        def gradient(x: Any) -> Any:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(x)
                y = tf.reduce_sum(model(x, training=False)[:, 0])
            return tape.gradient(y, x)

        return (
            lambda x: forward(tf.convert_to_tensor(x)).numpy(),
            lambda x: gradient(tf.convert_to_tensor(x)).numpy(),
        )
    if backend == "jax":
        import jax

        held = [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]
        run = jax.jit(lambda h, x: model.stateless_call(*h, x, training=False)[0])
        pull = jax.jit(jax.grad(lambda x, h: model.stateless_call(*h, x, training=False)[0][:, 0].sum()))
        return lambda x: np.asarray(run(held, x)), lambda x: np.asarray(pull(x, held))
    import torch

    torch.set_num_threads(1)
    model.requires_grad_(False)

    def forward_of(x: Any) -> Any:
        with torch.no_grad():
            return model(torch.tensor(x), training=False).numpy()

    def gradient_of(x: Any) -> Any:
        leaf = torch.tensor(x).requires_grad_(True)
        return torch.autograd.grad(model(leaf, training=False)[:, 0].sum(), leaf)[0].numpy()

    return forward_of, gradient_of


def measured(backend: str) -> None:
    """Print the ratios of this process's backend."""
    import keras
    import numpy as np

    from pellucid.core.model import wrap

    model = network()
    x = np.random.default_rng(0).standard_normal((16, 64, 64, 3)).astype("float32")
    forward, gradient = native(model, backend)
    wrapped: Any = wrap(model)

    def towards(y: np.ndarray) -> np.ndarray:
        mask = np.zeros_like(y)
        mask[:, 0] = 1
        return mask

    def at_layer() -> Any:
        value = wrapped[:"conv3"].predict(x)
        return wrapped["conv3":].vjp((value, x), towards)

    with wrapped.at_rest():
        seconds = interleaved(
            {
                "forward": lambda: forward(x),
                "predict": lambda: wrapped.predict(x),
                "capture": lambda: wrapped.capture((x,), LAYERS),
                "gradient": lambda: gradient(x),
                "input": lambda: wrapped.vjp((x,), towards),
                "layer": at_layer,
            },
            15,
        )
    pairs = (("predict", "forward"), ("capture", "forward"), ("input", "gradient"), ("layer", "gradient"))
    cells = ["{:.2f} ({:.2f}-{:.2f})".format(*ratio(seconds[a], seconds[b])) for a, b in pairs]
    print("\t".join([f"{backend}, keras {keras.__version__}", *cells]))


def main() -> None:
    rows = []
    for backend in BACKENDS:
        environment = {**os.environ, **THREADS, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment |= {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "TF_NUM_INTRAOP_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, __file__, backend], capture_output=True, text=True, check=False, env=environment
        )
        rows.append(
            done.stdout.strip().splitlines()[-1].split("\t")
            if done.returncode == 0
            else [backend, done.stderr[-300:], "", "", ""]
        )
    head = ["", "predict / forward", "capture / forward", "input gradient / own", "layer gradient / own"]
    print(table("16 images of 64x64x3: median ratio of CPU time (quartiles)", head, rows))


if __name__ == "__main__":
    measured(sys.argv[1]) if len(sys.argv) > 1 else main()
