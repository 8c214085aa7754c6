"""Functions of the JavaScript modules, called from Python."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

FOLDER = "/static/portal/device/"
_BYTES = "$bytes"

# Bytes travel as base64 in both directions; everything else is JSON.
_RUN = """async ([names, body, argument]) => {
  const revive = (value) => {
    if (Array.isArray(value)) return value.map(revive);
    if (value === null || typeof value !== "object") return value;
    if ("$bytes" in value) {
      const text = atob(value.$bytes);
      const bytes = new Uint8Array(text.length);
      for (let at = 0; at < bytes.length; at++) bytes[at] = text.charCodeAt(at);
      return bytes;
    }
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, revive(part)]));
  };
  const plain = (value) => {
    if (value instanceof Uint8Array || value instanceof Uint8ClampedArray) {
      let text = "";
      for (let at = 0; at < value.length; at += 32768) {
        text += String.fromCharCode(...value.subarray(at, at + 32768));
      }
      return {$bytes: btoa(text)};
    }
    if (ArrayBuffer.isView(value) || Array.isArray(value)) return Array.from(value, plain);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
  };
  const loaded = await Promise.all(names.map((name) => import(name)));
  return plain(await (0, eval)(`(${body})`)(revive(argument), ...loaded));
}"""


class Modules:
    """Runs code in a page that can import the modules of portal/static/portal/device."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def run(self, names: str | Sequence[str], body: str, argument: Any = None) -> Any:
        """Call a JavaScript function ``(argument, ...modules) => result``, plain or async.

        Args:
            names: file names of the modules, such as "pixels.js", given to the function as namespaces.
            body: the function's text.
            argument: JSON; bytes and uint8 arrays in it arrive as Uint8Array (flat).

        Returns:
            The result as JSON; bytes where it was a Uint8Array, a list where it was another typed array.
        """
        paths = [FOLDER + name for name in ([names] if isinstance(names, str) else names)]
        return _revived(self.page.evaluate(_RUN, [paths, body, _plain(argument)]))

    def map(self, names: str | Sequence[str], body: str, arguments: Sequence[Any]) -> list[Any]:
        """The same function for each of many arguments, in one call."""
        each = f"async (all, ...m) => {{ const f = {body}; const out = [];"
        each += " for (const one of all) out.push(await f(one, ...m)); return out; }"
        found: list[Any] = self.run(names, each, list(arguments))
        return found


def picture(pixels: Any) -> dict[str, Any]:
    """Canonical pixels, uint8 [h, w, 3], as the modules take them."""
    height, width = pixels.shape[:2]
    return {"width": width, "height": height, "rgb": np.ascontiguousarray(pixels)}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {_BYTES: base64.b64encode(np.ascontiguousarray(value, dtype=np.uint8)).decode()}
    if isinstance(value, bytes):
        return {_BYTES: base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _revived(value: Any) -> Any:
    if isinstance(value, list):
        return [_revived(part) for part in value]
    if isinstance(value, dict):
        if _BYTES in value:
            return base64.b64decode(value[_BYTES])
        return {key: _revived(part) for key, part in value.items()}
    return value
