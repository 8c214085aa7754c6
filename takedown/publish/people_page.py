"""index.html of a release repository: one file, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from takedown.blocklist.manifest import Manifest
from takedown.publish import people_text as text
from takedown.publish.people_facts import Facts, Past
from takedown.publish.people_feed import told
from takedown.publish.people_sql import ENGINES, Engine, filter_sql, list_sql

_FEED_LINK = '<link rel="alternate" type="application/atom+xml" title="Releases" href="feed.xml">\n'
_FEED = ';\n<a href="feed.xml">the feed</a> tells you of new ones'
_SQL = """<h2>With SQL instead</h2>
<p>Run these in the folder of this repository, with your table named <code>laion</code> and its columns
<code>URL</code> and <code>TEXT</code>. Always <code>NOT EXISTS</code>: with <code>NOT IN</code> one null
would drop every row. SQL checks no signature, so let <code>takedown sync</code> accept the same files
first.</p>
"""


def page(facts: Facts) -> bytes:
    """The page as UTF-8."""
    filled = text.template("repository.html").substitute(
        publisher=escape(facts.publisher),
        trial=f'<p class="note">{text.TRIAL}</p>' if facts.throwaway else "",
        newest=_newest(facts),
        commands=escape(text.commands(facts)),
        root_sha256=_grouped(facts.root_sha256),
        threshold=facts.root_threshold,
        root_keys=_lines(f'<code class="print">{_grouped(key)}</code>' for key in facts.root_keys),
        limits=_lines(f"<p>{escape(one)}</p>" for one in text.limits(facts)),
        sql=_sql(facts),
        feed_link=_FEED_LINK if facts.history else "",
        feed=_FEED if facts.history else "",
        releases=_releases(facts),
        footer="This page is for reading and is not signed; the files under metadata/ are.",
    )
    return filled.encode("utf-8")


def _newest(facts: Facts) -> str:
    if not facts.history:
        return f"<h2>Newest release</h2>\n<p>{text.NO_RELEASE}</p>"
    newest = facts.history[0]
    datasets = ", ".join(facts.dataset_ids)
    about = f" For {escape(datasets)}." if datasets else ""
    head = f"<h2>Newest release: {newest.seq}, {newest.created}</h2>\n<p>{len(facts.editions)} "
    kinds = "edition" if len(facts.editions) == 1 else "editions, each with a list of its own"
    return f"{head}{kinds}.{about}</p>\n" + _lines(map(_edition, facts.editions))


def _edition(manifest: Manifest) -> str:
    rows = _lines(f"<dt>{what}</dt><dd>{escape(much)}</dd>" for what, much in text.about(manifest))
    return f'<section class="edition">\n<h3>{manifest.edition}</h3>\n<dl>\n{rows}\n</dl>\n</section>'


def _sql(facts: Facts) -> str:
    if not facts.editions:
        return ""
    return _SQL + _lines(
        f"<h3>{manifest.edition}</h3>\n" + _lines(_engine(engine, manifest) for engine in ENGINES)
        for manifest in facts.editions
    )


def _engine(engine: Engine, manifest: Manifest) -> str:
    made = list_sql(engine, manifest)
    if not made:
        return f"<p>{engine.name}: {text.NO_ENTRIES}</p>"
    label = f"{engine.name} for {manifest.edition}"
    statement = escape(made + "\n" + filter_sql(engine, manifest.prefix_hex))
    return (
        f'<details><summary>{label}</summary>\n<pre tabindex="0" role="region" aria-label="SQL: {label}">'
        f"{statement}</pre></details>"
    )


def _releases(facts: Facts) -> str:
    if not facts.history:
        return ""
    return f"<h2>Releases</h2>\n<ul>\n{_lines(map(_release, facts.history))}\n</ul>"


def _release(release: Past) -> str:
    steps = " ".join(escape(told(step)) for step in release.steps)
    return f"<li>Release {release.seq}, {release.created}. {steps}</li>"


def _grouped(digest: str) -> str:
    """A digest in groups of four, for the eye only: what is copied is the digest."""
    groups = (digest[at : at + 4] for at in range(0, len(digest), 4))
    return "<wbr>".join(f"<span>{group}</span>" for group in groups)


def _lines(parts: Iterable[str]) -> str:
    return "\n".join(parts)
