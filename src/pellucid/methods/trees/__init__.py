"""Methods that walk the trees of an ensemble."""

from .tree_shap import TreeShap as TreeShap
