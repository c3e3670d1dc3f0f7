"""Methods that measure a model over a whole table."""

from .accumulated_local_effects import AccumulatedLocalEffects as AccumulatedLocalEffects
from .global_surrogate import GlobalSurrogate as GlobalSurrogate
from .h_statistic import HStatistic as HStatistic
from .local_surrogate_tree import LocalSurrogateTree as LocalSurrogateTree
from .morris import Morris as Morris
from .partial_dependence import PartialDependence as PartialDependence
from .permutation_importance import PermutationImportance as PermutationImportance
from .shapley_importance import ShapleyImportance as ShapleyImportance
from .sobol import Sobol as Sobol
