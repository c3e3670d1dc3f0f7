"""Methods that ask what would have to be different."""

from .boundary_instances import BoundaryInstances as BoundaryInstances
from .counterfactual import Counterfactual as Counterfactual
