"""Methods that attribute by hiding features."""

from .kernel_shap import KernelShap as KernelShap
from .occlusion import Occlusion as Occlusion
