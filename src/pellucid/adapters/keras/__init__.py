"""Keras 3 models as pellucid models, on TensorFlow, JAX or PyTorch: whichever the process runs."""

from .wrap import wrap as wrap
