"""A form with the block that makes fingerprints, and what a person does with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from device_files import scene
from device_site import POLICY, Site
from django.template.loader import render_to_string
from factories.pictures import encode
from PIL import Image

from takedown.fingerprint import Fingerprint


def form(**context: Any) -> str:
    block = render_to_string("public/device.html", {"device_most": 300, **context})
    return f"""<!doctype html><html lang="en"><title>A form</title>
      <link rel="stylesheet" href="/static/portal/site.css"><main class="column"><h1>A form</h1>
      <form action="/sent" method="post">{block}
      <div data-device-replaces><label for="pictures">Send pictures</label>
        <input type="file" id="pictures" name="pictures" multiple></div>
      <button class="button" name="go" value="yes">Send the request</button></form></main>"""


def show(window: Any, site: Site, script: str = "", **context: Any) -> Any:
    """The page, and what the browser complained about, in ``window.complaints``."""
    if script:
        window.add_init_script(script)
    window.complaints = []
    window.on("console", lambda message: window.complaints.append(message.text))
    window.on("pageerror", lambda error: window.complaints.append(str(error)))
    site.asked.clear()
    site.posted.clear()
    window.goto(site.put("form.html", form(**context), policy=POLICY))
    window.locator("[data-device]:not([hidden])").wait_for()
    return window


def file(name: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def picture(seed: int, width: int = 160, height: int = 120) -> bytes:
    return encode(Image.fromarray(scene(width, height, seed=seed)), "PNG")


def choose(window: Any, *files: dict[str, Any]) -> None:
    window.set_input_files("#device-files", list(files))


def ready(window: Any, count: int) -> None:
    """Until so many fingerprints are finished."""
    window.wait_for_function(
        """(count) => document.querySelectorAll(".device-list progress[hidden]").length === count""",
        arg=count,
    )


def send(window: Any, site: Site) -> list[Fingerprint]:
    with window.expect_navigation(url="**/sent"):
        window.get_by_role("button", name="Send the request").click()
    return sent(site)


def sent(site: Site) -> list[Fingerprint]:
    (body,) = site.posted
    fields = parse_qs(body.decode())
    assert set(fields) <= {"device", "go"}
    return [Fingerprint.from_json(text) for text in fields.get("device", [])]
