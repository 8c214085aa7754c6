"""Being here puts this folder on the import path, so that all areas share `factories`."""
