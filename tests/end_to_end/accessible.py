"""What axe-core finds on a page: the rules of WCAG 2.2 A and AA, and its best practices."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from playwright.sync_api import Page

SCRIPT = Path(__file__).with_name("axe") / "axe.min.js"
SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@functools.cache
def _axe() -> str:
    data = SCRIPT.read_bytes()
    assert hashlib.sha256(data).hexdigest() == SHA256, "axe.min.js is not the file that NOTICE.md names"
    return data.decode()


def violations(page: Page) -> list[str]:
    """One line for each rule that is broken: its name, what it wants, and where.

    The window must run scripts; the page itself brings none of axe: it comes in through the debugger.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())
    found = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})"
        ".then(result => result.violations.map(one => `${one.id}: ${one.help}: "
        "${one.nodes.map(node => node.target.join(' ') + ' ' + node.failureSummary).join(' | ')}`))",
        TAGS,
    )
    return [str(one) for one in found]
