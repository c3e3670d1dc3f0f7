"""Methods that measure a model over a whole table."""

from .accumulated_local_effects import AccumulatedLocalEffects as AccumulatedLocalEffects
from .h_statistic import HStatistic as HStatistic
from .morris import Morris as Morris
from .partial_dependence import PartialDependence as PartialDependence
from .permutation_importance import PermutationImportance as PermutationImportance
from .sobol import Sobol as Sobol
