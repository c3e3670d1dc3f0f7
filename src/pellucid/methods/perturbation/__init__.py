"""Methods that attribute by hiding features."""

from .exact_shapley import ExactShapley as ExactShapley
from .kernel_shap import KernelShap as KernelShap
from .lime import LIME as LIME
from .occlusion import Occlusion as Occlusion
from .permutation_shap import PermutationShap as PermutationShap
