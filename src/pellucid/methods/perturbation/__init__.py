"""Methods that attribute by hiding features."""

from .ablation import Ablation as Ablation
from .exact_shapley import ExactShapley as ExactShapley
from .gaussian_shap import GaussianShap as GaussianShap
from .kernel_shap import KernelShap as KernelShap
from .lime import LIME as LIME
from .occlusion import Occlusion as Occlusion
from .partition_shap import PartitionShap as PartitionShap
from .permutation_shap import PermutationShap as PermutationShap
from .rise import RISE as RISE
from .sensitivity_analysis import SensitivityAnalysis as SensitivityAnalysis
from .shapley_interactions import ShapleyInteractions as ShapleyInteractions
