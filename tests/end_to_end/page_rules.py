"""Rules that every page keeps, measured in the browser.

1. The page says its language, the one that its address begins with, and has a title, one first heading, and
   every identifier once. Scripts and styles are files of its own host.
2. Nothing scrolls sideways, at 320 CSS pixels either (WCAG 1.4.10).
3. Every field has a label, every button and link a name (WCAG 3.3.2, 4.1.2).
4. Tab reaches everything that can be pressed or filled in, and each stop is seen (WCAG 2.1.1, 2.4.7).
"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

#: More presses of Tab than any page has stops.
MOST_STOPS = 150


def faults(page: Page) -> list[str]:
    """What breaks rules 1 to 3, one sentence each; empty for a good page."""
    return [str(fault) for fault in page.evaluate(_STILL)]


def walk(page: Page) -> list[str]:
    """What breaks rule 4: press Tab through the whole page, from its top."""
    expected = page.evaluate(_NUMBER_STOPS)
    seen: list[int] = []
    found = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = active(page)
        if stop["tag"] == "BODY" or (stop["number"] is not None and stop["number"] in seen):
            break
        if not stop["seen"]:
            found.append(f"the focus is not seen on {stop['tag']} {stop['name']!r}")
        if stop["number"] is not None:
            seen.append(stop["number"])
    missed = sorted(set(expected) - set(seen))
    return found + [f"Tab never reaches stop {number}" for number in missed]


def active(page: Page) -> dict[str, Any]:
    """The element with the focus: tag, id, class, name for a person, whether its focus is seen."""
    return dict(page.evaluate(f"() => {{ {_HELPERS} return told(document.activeElement); }}"))


_HELPERS = """
  const labelled = element => (element.getAttribute('aria-label')
    || [...(element.labels || [])].map(label => label.innerText).join(' ')).trim();
  const named = element => labelled(element) || (element.innerText || element.textContent).trim();
  const told = element => {
    const style = getComputedStyle(element);
    return {tag: element.tagName, id: element.id, class: element.className, name: named(element),
      value: element.value || '', number: (window.stops || new Map()).get(element) ?? null,
      seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2};
  };
"""

_STILL = f"""() => {{
  {_HELPERS}
  const found = [];
  const all = selector => [...document.querySelectorAll(selector)];
  const language = location.pathname.match(/^\\/([a-z]{{2}})\\//)?.[1] || 'en';
  if (document.documentElement.lang !== language) found.push('not said to be in ' + language);
  if (!document.title.trim()) found.push('no title');
  if (all('h1').length !== 1) found.push(all('h1').length + ' first headings');
  if (all('main').length !== 1) found.push('no main part');
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (over > 0) found.push('scrolls sideways by ' + over + ' px');
  const ids = all('[id]').map(element => element.id);
  for (const id of ids.filter((id, at) => ids.indexOf(id) !== at)) found.push('twice: #' + id);
  for (const element of all('input:not([type=hidden]), textarea, select'))
    if (!labelled(element)) found.push('no label: ' + element.name);
  for (const element of all('button, a')) if (!named(element)) found.push('no name: ' + element.outerHTML);
  for (const element of all('[aria-describedby], [aria-labelledby]'))
    for (const id of ((element.getAttribute('aria-describedby') || '') + ' '
        + (element.getAttribute('aria-labelledby') || '')).split(' ').filter(Boolean))
      if (!ids.includes(id)) found.push('described by nothing: #' + id);
  for (const element of all('script:not([src]), iframe, object, embed, [onclick], [style]'))
    found.push('not plain HTML: ' + element.outerHTML);
  for (const element of all('script[src], link[href]:not([href="data:,"]), img[src]'))
    if (new URL(element.src || element.href).origin !== location.origin)
      found.push('from elsewhere: ' + element.outerHTML);
  return found;
}}"""

# One stop for all radio buttons of one name. Starts the walk at the top, wherever the focus was.
_NUMBER_STOPS = """() => {
  window.stops = new Map();
  const groups = new Map();
  const stops = 'a[href], button, input:not([type=hidden]), textarea, select, summary';
  for (const element of document.querySelectorAll(stops)) {
    if (element.disabled || !element.checkVisibility()) continue;
    const group = element.type === 'radio' ? element.name : null;
    if (!groups.has(group)) groups.set(group, window.stops.size);
    if (group === null) groups.delete(null);
    window.stops.set(element, group === null ? window.stops.size : groups.get(group));
  }
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute('tabindex');
  return [...new Set(window.stops.values())];
}"""
