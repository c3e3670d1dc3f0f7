"""Methods that ask what would have to be different."""

from .counterfactual import Counterfactual as Counterfactual
