"""Find pictures in web-scale image datasets, publish signed removal lists, and apply them to copies.

This package is what the holder of a dataset copy installs. It knows no web framework, no task queue and
no database; the portal beside it imports this package, never the other way round.
"""

__version__ = "0.1.0"
