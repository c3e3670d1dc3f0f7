"""PyTorch modules and functions of tensors as pellucid models. The only home of `import torch`."""

from .module import TorchModel as TorchModel
from .module import wrap as wrap
