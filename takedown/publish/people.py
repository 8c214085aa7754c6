"""Files for people in a release repository: index.html, README.md, feed.xml and prove.html.

1. Gather what the committed release says: editions, counts, keys, the releases before it.
2. Render each file from it alone, so that the same release gives the same bytes.
3. Write those that changed, each whole.

They are no TUF targets and nothing that a program believes: readers verify the metadata. A run that is killed
between two of them leaves some of the release before; the next publish or refresh mends that.
"""

from __future__ import annotations

from pathlib import Path

from takedown import disk
from takedown.publish import prove_page
from takedown.publish.people_facts import facts_of
from takedown.publish.people_feed import feed
from takedown.publish.people_page import page
from takedown.publish.people_readme import readme
from takedown.publish.repository import Head

INDEX = "index.html"
README = "README.md"
FEED = "feed.xml"
PROVE = "prove.html"

#: In the order in which they are written and uploaded.
FILES = (PROVE, README, FEED, INDEX)


def write_people(repository: Path, head: Head) -> None:
    """Bring the files for people up to date with the committed release.

    Args:
        repository: its folder.
        head: what is committed there.
    """
    facts = facts_of(repository, head)
    made = {PROVE: prove_page.page(), README: readme(facts), INDEX: page(facts)}
    if facts.history:
        made[FEED] = feed(facts)
    for name in FILES:
        if name in made:
            _put(repository / name, made[name])


def _put(path: Path, data: bytes) -> None:
    if not path.is_file() or path.read_bytes() != data:
        disk.write(path, data)
