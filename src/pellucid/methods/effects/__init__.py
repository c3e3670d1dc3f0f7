"""Methods that measure a model over a whole table."""

from .permutation_importance import PermutationImportance as PermutationImportance
