"""The block of a form that makes fingerprints instead of sending pictures, as a person uses it."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from device_files import scene
from device_site import POLICY, Site
from django.template.loader import render_to_string
from factories.pictures import encode
from PIL import Image

from takedown.fingerprint import Fingerprint, fingerprint

pytestmark = pytest.mark.browser

# The self-test reads pixels with this; some browsers add noise there or give nothing.
_READ = "OffscreenCanvasRenderingContext2D.prototype"
NOISE = f"""const read = {_READ}.getImageData;
{_READ}.getImageData = function (...box) {{
  const found = read.apply(this, box);
  for (let at = 0; at < found.data.length; at += 97) found.data[at] ^= 1;
  return found;
}};"""
WHITE = f"""const read = {_READ}.getImageData;
{_READ}.getImageData = function (...box) {{
  const found = read.apply(this, box);
  found.data.fill(255);
  return found;
}};"""
REFUSES = f"{_READ}.getImageData = () => {{ throw new DOMException('no', 'SecurityError'); }};"
TOO_OLD = "delete window.OffscreenCanvas;"


def _page(**context: Any) -> str:
    return f"""<!doctype html><html lang="en"><title>A form</title>
      <link rel="stylesheet" href="/static/portal/site.css"><main class="column">
      <form action="/sent" method="post">{render_to_string("public/device.html", context)}
      <div data-device-replaces><label for="pictures">Send pictures</label>
        <input type="file" id="pictures" name="pictures" multiple></div>
      <button class="button" name="go" value="yes">Send the request</button></form></main>"""


def _open(window: Any, site: Site, script: str = "", **context: Any) -> Any:
    """The page, and what the browser complained about, in ``window.complaints``."""
    if script:
        window.add_init_script(script)
    window.complaints = []
    window.on("console", lambda message: window.complaints.append(message.text))
    window.on("pageerror", lambda error: window.complaints.append(str(error)))
    site.asked.clear()
    site.posted.clear()
    window.goto(site.put("form.html", _page(**context), policy=POLICY))
    window.locator("[data-device]:not([hidden])").wait_for()
    return window


def _file(name: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def _picture(seed: int, width: int = 160, height: int = 120) -> bytes:
    return encode(Image.fromarray(scene(width, height, seed=seed)), "PNG")


def _choose(window: Any, *files: dict[str, Any]) -> None:
    window.set_input_files("#device-files", list(files))


def _wait(window: Any, count: int) -> None:
    """Until so many fingerprints are finished."""
    window.wait_for_function(
        """(count) => document.querySelectorAll(".device-list progress[hidden]").length === count""",
        arg=count,
    )


def _send(window: Any, site: Site) -> list[Fingerprint]:
    with window.expect_navigation(url="**/sent"):
        window.get_by_role("button", name="Send the request").click()
    return _sent(site)


def _sent(site: Site) -> list[Fingerprint]:
    (body,) = site.posted
    fields = parse_qs(body.decode())
    assert set(fields) <= {"device", "go"}
    return [Fingerprint.from_json(text) for text in fields.get("device", [])]


def test_pictures_become_fingerprints_and_are_not_sent(window: Any, site: Site) -> None:
    _open(window, site)
    assert not window.locator("#pictures").is_visible()
    data = [_picture(1), _picture(2, 700, 600)]
    _choose(window, _file("one.png", data[0]), _file("two.png", data[1]))
    _wait(window, 2)
    assert window.locator(".device-list li").count() == 2
    assert "Ready." in window.locator(".device-list li").first.inner_text()
    assert _send(window, site) == [fingerprint(one) for one in data]
    assert b"one.png" not in site.posted[0]
    assert window.complaints == []


def test_what_does_the_work_is_loaded_when_a_picture_is_chosen(window: Any, site: Site) -> None:
    _open(window, site)
    loaded = [path for path in site.asked if "/device/" in path]
    assert {path.rpartition("/")[2] for path in loaded} == {
        "device.css",
        "page.js",
        "selftest.js",
        "surface.js",
    }
    _choose(window, _file("one.png", _picture(1)))
    _wait(window, 1)
    assert {"/static/portal/device/worker.js", "/static/portal/device/variants.js"} <= set(site.asked)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (NOISE, "changes the pixels of pictures a little"),
        (WHITE, "does not let this page look at pixels"),
        (REFUSES, "does not let this page look at pixels"),
        (TOO_OLD, "too old"),
    ],
    ids=["noise", "white", "refuses", "too old"],
)
def test_a_browser_that_does_not_tell_the_truth_about_pixels_keeps_the_other_ways(
    window: Any, site: Site, script: str, said: str
) -> None:
    _open(window, site, script)
    assert said in window.locator("[data-device]").inner_text()
    assert "The other ways on this page work" in window.locator("[data-device]").inner_text()
    assert window.locator("#pictures").is_visible()
    assert window.locator("#pictures").is_enabled()
    assert not window.locator("#device-files").is_visible()


def test_without_javascript_nothing_of_it_shows(browser: Any, site: Site) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(site.put("form.html", _page(), policy=POLICY))
        assert page.locator("main").inner_text().startswith("Send pictures")
        assert not page.locator("[data-device]").is_visible()


def test_a_person_can_still_send_the_picture(window: Any, site: Site) -> None:
    _open(window, site)
    window.get_by_role("button", name="Send the picture instead").click()
    assert window.locator("#pictures").is_visible()
    assert window.locator("#pictures").is_enabled()
    assert window.evaluate("document.activeElement.id") == "pictures"


def test_a_form_that_is_sent_too_early_waits_for_the_fingerprints(window: Any, site: Site) -> None:
    _open(window, site)
    data = [_picture(seed) for seed in (3, 4)]
    _choose(window, *[_file(f"{n}.png", one) for n, one in enumerate(data)])
    with window.expect_navigation(url="**/sent"):
        window.get_by_role("button", name="Send the request").click()
        assert "Some fingerprints are not ready" in window.get_by_role("status").inner_text()
    assert _sent(site) == [fingerprint(one) for one in data]
    assert b"go=yes" in site.posted[0]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "This file is empty"),
        (b"<html>", "not a picture"),
        (b"%PDF-1.7", "We cannot read this sort of file"),
        (b"II*\0", "We cannot read this sort of file"),
        (_picture(1)[:-500], "ends before the picture does"),
        (encode(Image.fromarray(scene(90, 90)), "JPEG")[:-300], "ends before the picture does"),
        (re.sub(rb"IDAT....", b"IDATabcd", _picture(1), count=1, flags=re.DOTALL), "damaged"),
        (_picture(1)[:16] + b"\0\0\xff\xff\0\0\xff\xff" + _picture(1)[24:], "50 million pixels"),
    ],
    ids=["empty", "html", "pdf", "tiff", "cut png", "cut jpeg", "broken", "bomb"],
)
def test_each_bad_file_has_its_reason_and_the_others_go_on(
    window: Any, site: Site, data: bytes, said: str
) -> None:
    _open(window, site)
    good = _picture(1)
    _choose(window, _file("bad.png", data), _file("good.png", good))
    _wait(window, 2)
    assert said in window.locator(".device-list li").first.inner_text()
    assert _send(window, site) == [fingerprint(good)]


def test_a_form_that_waits_is_not_sent_when_a_picture_is_refused(window: Any, site: Site) -> None:
    _open(window, site)
    _choose(window, _file("good.png", _picture(1)), _file("bad.png", b"nothing"))
    window.get_by_role("button", name="Send the request").click()
    _wait(window, 2)
    assert "not sent yet" in window.get_by_role("status").inner_text()
    assert site.posted == []
    assert len(_send(window, site)) == 1


def test_pictures_can_be_removed_while_they_are_made(window: Any, site: Site) -> None:
    _open(window, site)
    data = [_picture(seed) for seed in (1, 2, 3)]
    _choose(window, *[_file(f"{n}.png", one) for n, one in enumerate(data)])
    window.get_by_role("button", name="Remove 0.png").click()
    assert window.evaluate("document.activeElement.id") == "device-2-remove"
    window.get_by_role("button", name="Remove 2.png").click()
    _wait(window, 1)
    assert _send(window, site) == [fingerprint(data[1])]


def test_only_so_many_pictures_are_taken(window: Any, site: Site) -> None:
    _open(window, site, device_most=2)
    _choose(window, *[_file(f"{n}.png", _picture(n)) for n in range(3)])
    window.get_by_role("status").filter(has_text="Only 2 pictures fit").wait_for()
    _wait(window, 2)
    assert len(_send(window, site)) == 2


def test_what_was_wrong_is_told_at_the_new_place(window: Any, site: Site) -> None:
    wrong = '<p class="wrong" id="pictures-wrong">Add a picture.</p><a href="#pictures">Add</a>'
    page = _page(problems={"device": ["Picture 1: no."]}).replace("Send pictures", f"Send pictures{wrong}")
    window.goto(site.put("form.html", page, policy=POLICY))
    window.locator("#device-files").wait_for()
    assert "Picture 1: no." in window.locator("form").inner_text()
    assert "Add a picture." in window.locator("[data-device-make]").inner_text()
    assert "device-wrong-0" in str(window.get_attribute("#device-files", "aria-describedby"))
    assert window.locator('a[href="#device-files"]').count() == 1


def test_a_file_that_is_too_large_is_not_read(window: Any, site: Site) -> None:
    _open(window, site)
    window.evaluate("""() => {
      const chosen = new DataTransfer();
      chosen.items.add(new File([new Uint8Array(20_000_001)], "large.png"));
      const chooser = document.getElementById("device-files");
      chooser.files = chosen.files;
      chooser.dispatchEvent(new Event("change"));
    }""")
    _wait(window, 1)
    assert "larger than 20 MB" in window.locator(".device-list li").inner_text()


def _crop_box(window: Any) -> Any:
    window.get_by_role("button", name="Choose a part one.png").click()
    canvas = window.locator(".cropper canvas")
    canvas.wait_for()
    return canvas


def test_a_part_is_chosen_by_keyboard(window: Any, site: Site) -> None:
    _open(window, site)
    pixels = scene(400, 300)
    _choose(window, _file("one.png", encode(Image.fromarray(pixels), "PNG")))
    _crop_box(window)
    assert window.evaluate("document.activeElement.dataset.edge") == "left"
    for _ in range(20):
        window.keyboard.press("ArrowRight")  # 10 percent
    window.keyboard.press("Enter")  # does not send the form
    window.get_by_label("Cut off at the bottom").fill("50")
    window.get_by_role("button", name="Use this part").click()
    window.locator("[data-state]", has_text="fingerprint of the part").wait_for()
    _wait(window, 1)
    assert "part that you chose" in window.locator(".device-list li").inner_text()
    assert window.evaluate("document.activeElement.id") == "device-1-crop"
    (found,) = _send(window, site)
    part = fingerprint(encode(Image.fromarray(np.ascontiguousarray(pixels[:150, 40:])), "PNG"))
    assert (found.width, found.height, found.codes, found.phash) == (360, 150, part.codes, part.phash)


def test_a_part_is_chosen_by_mouse_and_taken_back(window: Any, site: Site) -> None:
    _open(window, site)
    data = encode(Image.fromarray(scene(400, 300)), "PNG")
    _choose(window, _file("one.png", data))
    box = _crop_box(window).bounding_box()
    window.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    window.mouse.down()
    window.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    window.mouse.up()
    edges = [window.input_value(f"[data-edge={edge}]") for edge in ("left", "top", "right", "bottom")]
    assert [round(float(edge)) for edge in edges] == [25, 25, 50, 50]
    window.keyboard.press("Escape")
    assert window.locator(".cropper").count() == 0
    _crop_box(window)
    window.get_by_label("Cut off at the top").fill("30")
    window.get_by_role("button", name="Use the whole picture").click()
    _wait(window, 1)
    assert _send(window, site) == [fingerprint(data)]


def test_a_part_of_a_broken_picture_has_its_reason(window: Any, site: Site) -> None:
    _open(window, site)
    _choose(window, _file("one.png", b"nothing"))
    _wait(window, 1)
    window.get_by_role("button", name="Choose a part").click()
    window.locator("[data-crop]:enabled").wait_for()
    assert "not a picture" in window.locator(".device-list li").inner_text()


def test_an_even_picture_says_what_can_be_found(window: Any, site: Site) -> None:
    _open(window, site)
    _choose(window, _file("one.png", encode(Image.new("RGB", (64, 64), "red"), "PNG")))
    _wait(window, 1)
    assert "only find the very same file" in window.locator(".device-list li").inner_text()
    assert _send(window, site)[0].pdq_quality == 0


def test_a_worker_that_does_not_load_ends_with_a_reason(window: Any, site: Site) -> None:
    window.route("**/worker.js", lambda route: route.abort())
    _open(window, site)
    _choose(window, _file("one.png", _picture(1)), _file("two.png", _picture(2)))
    _wait(window, 2)
    assert "did not work on this device" in window.locator(".device-list li").last.inner_text()


def test_a_worker_that_is_silent_ends_with_what_there_is(window: Any, site: Site) -> None:
    silent = site.put("silent.js", "onmessage = () => {};")
    waits = "const wait = setTimeout; window.setTimeout = (call) => wait(call, 200);"
    window.add_init_script(waits)
    page = _page().replace("/static/portal/device/worker.js", silent)
    window.goto(site.put("form.html", page, policy=POLICY))
    window.locator("#device-files").wait_for()
    _choose(window, _file("one.png", _picture(1)))
    _wait(window, 1)
    assert "took too long" in window.locator(".device-list li").inner_text()


def test_a_base_fingerprint_is_enough_when_the_worker_fails(window: Any, site: Site) -> None:
    base = json.dumps({"pdq_quality": 100, "codes": "ab"})
    script = f"""onmessage = () => {{
      postMessage({{step: "base", fingerprint: {base}}});
      postMessage({{step: "refused", reason: "failed"}});
    }};"""
    page = _page().replace("/static/portal/device/worker.js", site.put("half.js", script))
    window.goto(site.put("form.html", page, policy=POLICY))
    window.locator("#device-files").wait_for()
    _choose(window, _file("one.png", _picture(1)))
    _wait(window, 1)
    assert json.loads(window.input_value("[name=device]")) == json.loads(base)
    assert "Ready" in window.locator(".device-list li").inner_text()
