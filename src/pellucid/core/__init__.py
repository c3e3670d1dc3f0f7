"""The small mathematical objects methods see, and how a computation runs. Imports no framework."""
