"""What the layers and operations that Keras ships are, as far as backward rules care, by the names of their classes."""

from __future__ import annotations

from typing import Any

import keras


def names(text: str) -> frozenset[str]:
    """Names; one that ends in `*` stands for its forms in one, two and three dimensions."""
    return frozenset(
        name.replace("*", end)
        for name in text.split()
        for end in (("1D", "2D", "3D") if "*" in name else ("",))
    )


MOVES = names(
    "Flatten Reshape Permute RepeatVector ZeroPadding* Cropping* UpSampling* CenterCrop Resizing Identity Embedding "
    "Dropout SpatialDropout* GaussianNoise GaussianDropout AlphaDropout ActivityRegularization "
    "GetItem Transpose Squeeze ExpandDims Stack Split Swapaxes Moveaxis Flip Roll Repeat Tile BroadcastTo Cast Copy "
    "Ravel Pad Hstack Vstack Unstack ArraySplit"
)
"""They say where a value goes, or let it pass."""
SUMS = names(
    "Add Subtract Average Concatenate AveragePooling* GlobalAveragePooling* AdaptiveAveragePooling* Negative Mean Sum"
)
CONVOLUTIONS = names("Conv* Conv*Transpose DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D")
DENSE = names("Dense EinsumDense")
SHIFTS = names("BatchNormalization Rescaling Normalization")
"""Every number times a constant, plus a constant."""
POOLS = names("MaxPooling* GlobalMaxPooling* AdaptiveMaxPooling* MaxPool Max")
PRODUCTS = names("Multiply")
NORMS = names("LayerNormalization")
BENDS = names(
    "Activation ReLU LeakyReLU ELU PReLU Softmax Relu Relu6 LeakyRelu Elu Selu Celu Gelu Silu Sigmoid Tanh Softplus "
    "Softsign LogSoftmax LogSigmoid HardSigmoid HardSilu HardTanh TanhShrink HardShrink SoftShrink Squareplus "
    "Exp Log Sqrt Square Abs Absolute"
)
"""Activation functions, which a rule is asked about themselves."""
HOLDERS = names("Sequential Functional Model TimeDistributed Bidirectional Lambda")
"""They call other layers, which are asked about themselves."""
ATTENTION = names("MultiHeadAttention")


def kind(layer: Any) -> str:
    """The name of the class that Keras ships, of which the layer is one; "" for the caller's own code."""
    for cls in type(layer).__mro__:
        if cls.__module__.startswith("keras."):
            own = cls in (keras.layers.Layer, keras.Operation) or issubclass(keras.layers.Layer, cls)
            return "" if own else cls.__name__
    return ""


def is_holder(layer: Any) -> bool:
    """Whether what the layer does is told by the layers, and by the caller's code, inside it."""
    return kind(layer) in HOLDERS or kind(layer) == ""


def several(args: tuple[Any, ...]) -> list[Any]:
    """The tensors a call is given, one by one or as a list."""
    return list(args[0]) if args and isinstance(args[0], list | tuple) else list(args)
