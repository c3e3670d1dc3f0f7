"""Methods that walk the trees of an ensemble."""

from .decision_path import DecisionPath as DecisionPath
from .tree_shap import TreeShap as TreeShap
