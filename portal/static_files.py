"""Static files under names that hold a hash of their content, scripts that import each other included."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]


class HashedModules(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Imports in JavaScript modules name the hashed files, as addresses in style sheets do.

    A file's hash depends on the files it imports, so one pass is needed for each step of the longest chain.
    """

    support_js_module_import_aggregation = True
    max_post_process_passes = 20
