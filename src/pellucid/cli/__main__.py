"""`python -m pellucid.cli` is `pellucid`."""

from . import main

main()
