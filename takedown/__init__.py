"""Find pictures in web-scale image datasets, publish signed removal lists, and apply them to copies.

This package is what the holder of a dataset copy installs. It knows no web framework, no task queue and
no database; the portal beside it imports this package, never the other way round.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from takedown.loaders import Blocklist

__all__ = ["Blocklist", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "Blocklist":  # brought in when it is asked for: most of the package has no use for it
        from takedown.loaders import Blocklist

        return Blocklist
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
