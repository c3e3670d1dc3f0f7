"""Models and rows from files: safe formats first, pickles only where the user trusts them."""
