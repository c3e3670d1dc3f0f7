"""The command line: `pellucid methods`, `pellucid explain`, `pellucid demo`. It arranges, and computes nothing."""

from .main import main as main
