"""Models of each framework as pellucid models. Imported by nobody: `core.model.wrap` finds them by name."""
