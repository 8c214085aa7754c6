"""A person with a browser that has no JavaScript: pages, forms, buttons, cookies; nothing else.

It reads forms from the HTML that came and sends what a browser would send, so a page whose form lacks a
field or has a wrong address fails here as it would for a person.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, Request, build_opener


@dataclass
class Button:
    label: str
    name: str
    value: str
    action: str  # where it sends the form instead; empty: where the form goes


@dataclass
class Form:
    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    multipart: bool = False


class _Forms(HTMLParser):
    """Collects forms, with fields that point to a form by its id, and the page's text."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text: list[str] = []
        self._by_id: dict[str, Form] = {}
        self._late: list[tuple[str, str, str]] = []
        self._open: Form | None = None
        self._textarea: str | None = None
        self._button: dict[str, str] | None = None
        self._templates = 0  # open ones: what stands in them is for scripts
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        has = {name for name, _ in attrs}
        if tag == "template":
            self._templates += 1
        if self._templates or "disabled" in has:
            return
        if tag == "form":
            multipart = given.get("enctype") == "multipart/form-data"
            self._open = Form(given.get("action", ""), multipart=multipart)
            self.forms.append(self._open)
            if "id" in given:
                self._by_id[given["id"]] = self._open
        elif tag == "input" and given.get("name") and given.get("type") != "file":
            if given.get("type") in {"checkbox", "radio"} and "checked" not in has:
                return
            self._add(given.get("form"), given["name"], given.get("value", ""))
        elif tag == "textarea":
            self._textarea, self._words = given.get("name", ""), []
        elif tag == "button":
            self._button, self._words = given, []

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self._templates -= 1
        elif tag == "form":
            self._open = None
        elif tag == "textarea" and self._textarea is not None:
            # The HTML standard drops one line feed right after the opening tag.
            self._add(None, self._textarea, "".join(self._words).removeprefix("\n"))
            self._textarea = None
        elif tag == "button" and self._button is not None:
            self._add_button(self._button, " ".join("".join(self._words).split()))
            self._button = None

    def handle_data(self, data: str) -> None:
        if self._templates:
            return
        self.text.append(data)
        if self._textarea is not None or self._button is not None:
            self._words.append(data)

    def close(self) -> None:
        super().close()
        for identifier, name, value in self._late:
            self._by_id[identifier].fields.append((name, value))

    def _add_button(self, given: dict[str, str], label: str) -> None:
        """A button belongs to the form around it, or to the one before it that it names."""
        form = self._by_id[given["form"]] if "form" in given else self._open
        if form is not None and given.get("type") != "button":
            label = given.get("aria-label", label)
            form.buttons.append(
                Button(label, given.get("name", ""), given.get("value", ""), given.get("formaction", ""))
            )

    def _add(self, identifier: str | None, name: str, value: str) -> None:
        if identifier:
            self._late.append((identifier, name, value))
        elif self._open is not None:
            self._open.fields.append((name, value))


@dataclass
class Page:
    url: str
    status: int
    headers: list[tuple[str, str]]
    html: str
    forms: list[Form]
    text: str

    def form(self, button: str) -> Form:
        """The form that has a button of this label."""
        for form in self.forms:
            if any(one.label.startswith(button) for one in form.buttons):
                return form
        raise AssertionError(f"no button {button!r} on {self.url} ({self.status}):\n{self.text}")


class Visitor:
    """One browser window with its cookies."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.jar = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self.jar))

    def get(self, path: str) -> Page:
        return self._page(Request(urljoin(self.address, path)))

    def press(
        self, page: Page, button: str, files: list[tuple[str, str, bytes]] | None = None, **values: object
    ) -> Page:
        """Fill a form's fields in and press its button. A list as value sends the field several times."""
        form = page.form(button)
        pressed = next(one for one in form.buttons if one.label.startswith(button))
        fields = [(name, value) for name, value in form.fields if name not in values]
        for name, value in values.items():
            fields += [(name, str(one)) for one in (value if isinstance(value, list) else [value])]
        if pressed.name:
            fields.append((pressed.name, pressed.value))
        return self._page(self._request(page, form, pressed.action or form.action, fields, files or []))

    def _request(
        self,
        page: Page,
        form: Form,
        action: str,
        fields: list[tuple[str, str]],
        files: list[tuple[str, str, bytes]],
    ) -> Request:
        target = urljoin(page.url, action)
        origin = {"Origin": self.address, "Referer": page.url}
        if not form.multipart:
            kind = "application/x-www-form-urlencoded"
            return Request(target, urlencode(fields).encode(), {**origin, "Content-Type": kind})
        boundary = secrets.token_hex(16)
        body = _multipart(boundary, fields, files)
        return Request(target, body, {**origin, "Content-Type": f"multipart/form-data; boundary={boundary}"})

    def _page(self, request: Request) -> Page:
        try:
            with self._opener.open(request, timeout=60) as answer:
                return _read(answer.url, answer.status, answer.headers.items(), answer.read())
        except HTTPError as error:
            with error:
                return _read(error.url or "", error.code, error.headers.items(), error.read())


def _read(url: str, status: int, headers: object, body: bytes) -> Page:
    html = body.decode("utf-8", "replace")
    parser = _Forms()
    parser.feed(html)
    parser.close()
    return Page(url, status, list(headers), html, parser.forms, " ".join("".join(parser.text).split()))


def _multipart(boundary: str, fields: list[tuple[str, str]], files: list[tuple[str, str, bytes]]) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    for name, filename, data in files:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n")
    return b"".join([*parts, f"--{boundary}--\r\n".encode()])
