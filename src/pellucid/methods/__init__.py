"""Methods: frozen values, one file each; a family sees one view and gives one kind of result."""
