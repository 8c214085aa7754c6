"""The block of a form that makes fingerprints instead of sending pictures, as a person uses it."""

from __future__ import annotations

import json
import re
from typing import Any

import accessible
import pytest
from device_files import scene
from device_form import choose, file, form, picture, ready, send, sent, show
from device_site import POLICY, Site
from factories.pictures import encode
from PIL import Image

from takedown.fingerprint import fingerprint

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


def test_pictures_become_fingerprints_and_are_not_sent(window: Any, site: Site) -> None:
    show(window, site)
    assert not window.locator("#pictures").is_visible()
    data = [picture(1), picture(2, 700, 600)]
    choose(window, file("one.png", data[0]), file("two.png", data[1]))
    ready(window, 2)
    assert window.locator(".device-list li").count() == 2
    assert "Ready." in window.locator(".device-list li").first.inner_text()
    assert send(window, site) == [fingerprint(one) for one in data]
    assert b"one.png" not in site.posted[0]
    assert window.complaints == []


def test_what_does_the_work_is_loaded_when_a_picture_is_chosen(window: Any, site: Site) -> None:
    show(window, site)
    loaded = [path for path in site.asked if "/device/" in path]
    assert {path.rpartition("/")[2] for path in loaded} == {
        "device.css",
        "page.js",
        "selftest.js",
        "surface.js",
    }
    choose(window, file("one.png", picture(1)))
    ready(window, 1)
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
    show(window, site, script)
    assert said in window.locator("[data-device]").inner_text()
    assert "The other ways on this page work" in window.locator("[data-device]").inner_text()
    assert window.locator("#pictures").is_visible()
    assert window.locator("#pictures").is_enabled()
    assert not window.locator("#device-files").is_visible()


def test_without_javascript_nothing_of_it_shows(browser: Any, site: Site) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(site.put("form.html", form(), policy=POLICY))
        assert page.locator("form").inner_text().startswith("Send pictures")
        assert not page.locator("[data-device]").is_visible()


def test_a_person_can_still_send_the_picture(window: Any, site: Site) -> None:
    show(window, site)
    window.get_by_role("button", name="Send the picture instead").click()
    assert window.locator("#pictures").is_visible()
    assert window.locator("#pictures").is_enabled()
    assert window.evaluate("document.activeElement.id") == "pictures"


def test_a_form_that_is_sent_too_early_waits_for_the_fingerprints(window: Any, site: Site) -> None:
    show(window, site)
    data = [picture(seed) for seed in (3, 4)]
    choose(window, *[file(f"{n}.png", one) for n, one in enumerate(data)])
    with window.expect_navigation(url="**/sent"):
        window.get_by_role("button", name="Send the request").click()
        assert "Some fingerprints are not ready" in window.get_by_role("status").inner_text()
    assert sent(site) == [fingerprint(one) for one in data]
    assert b"go=yes" in site.posted[0]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "This file is empty"),
        (b"<html>", "not a picture"),
        (b"%PDF-1.7", "We cannot read this sort of file"),
        (b"II*\0", "We cannot read this sort of file"),
        (picture(1)[:-500], "ends before the picture does"),
        (encode(Image.fromarray(scene(90, 90)), "JPEG")[:-300], "ends before the picture does"),
        (re.sub(rb"IDAT....", b"IDATabcd", picture(1), count=1, flags=re.DOTALL), "damaged"),
        (picture(1)[:16] + b"\0\0\xff\xff\0\0\xff\xff" + picture(1)[24:], "50 million pixels"),
    ],
    ids=["empty", "html", "pdf", "tiff", "cut png", "cut jpeg", "broken", "bomb"],
)
def test_each_bad_file_has_its_reason_and_the_others_go_on(
    window: Any, site: Site, data: bytes, said: str
) -> None:
    show(window, site)
    good = picture(1)
    choose(window, file("bad.png", data), file("good.png", good))
    ready(window, 2)
    assert said in window.locator(".device-list li").first.inner_text()
    assert send(window, site) == [fingerprint(good)]


def test_a_form_that_waits_is_not_sent_when_a_picture_is_refused(window: Any, site: Site) -> None:
    show(window, site)
    choose(window, file("good.png", picture(1)), file("bad.png", b"nothing"))
    window.get_by_role("button", name="Send the request").click()
    ready(window, 2)
    assert "not sent yet" in window.get_by_role("status").inner_text()
    assert site.posted == []
    assert len(send(window, site)) == 1


def test_pictures_can_be_removed_while_they_are_made(window: Any, site: Site) -> None:
    show(window, site)
    data = [picture(seed) for seed in (1, 2, 3)]
    choose(window, *[file(f"{n}.png", one) for n, one in enumerate(data)])
    window.get_by_role("button", name="Remove 0.png").click()
    assert window.evaluate("document.activeElement.id") == "device-2-remove"
    window.get_by_role("button", name="Remove 2.png").click()
    ready(window, 1)
    assert send(window, site) == [fingerprint(data[1])]


def test_only_so_many_pictures_are_taken(window: Any, site: Site) -> None:
    show(window, site, device_most=2)
    choose(window, *[file(f"{n}.png", picture(n)) for n in range(3)])
    window.get_by_role("status").filter(has_text="Only 2 pictures fit").wait_for()
    ready(window, 2)
    assert len(send(window, site)) == 2


def test_a_form_that_was_held_goes_when_there_was_room_for_no_picture(window: Any, site: Site) -> None:
    loading: list[Any] = []
    window.route("**/device/pictures.js", lambda route: loading.append(route))
    show(window, site, device_most=0)
    choose(window, file("0.png", picture(1)))
    window.get_by_role("button", name="Send the request").click()
    window.get_by_role("status").filter(has_text="Please wait a moment").wait_for()
    with window.expect_navigation(url="**/sent"):
        loading[0].continue_()
    assert sent(site) == []


def test_pictures_that_were_chosen_before_the_script_came_are_not_lost(window: Any, site: Site) -> None:
    loading: list[Any] = []
    window.route("**/device/page.js", lambda route: loading.append(route))
    site.posted.clear()
    window.goto(site.put("form.html", form(), policy=POLICY), wait_until="commit")
    data = [picture(seed) for seed in (1, 2)]
    window.set_input_files("#pictures", [file(f"{n}.png", one) for n, one in enumerate(data)])
    loading[0].continue_()
    window.locator(".device-list li").nth(1).wait_for()
    ready(window, 2)
    assert send(window, site) == [fingerprint(one) for one in data]


def test_what_was_wrong_is_told_at_the_new_place(window: Any, site: Site) -> None:
    wrong = '<p class="wrong" id="pictures-wrong">Add a picture.</p><a href="#pictures">Add</a>'
    page = form(problems={"device": ["Picture 1: no."]}).replace("Send pictures", f"Send pictures{wrong}")
    window.goto(site.put("form.html", page, policy=POLICY))
    window.locator("#device-files").wait_for()
    assert "Picture 1: no." in window.locator("form").inner_text()
    assert "Add a picture." in window.locator("[data-device-make]").inner_text()
    assert "device-wrong-0" in str(window.get_attribute("#device-files", "aria-describedby"))
    assert window.locator('a[href="#device-files"]').count() == 1


def test_a_file_that_is_too_large_is_not_read(window: Any, site: Site) -> None:
    show(window, site)
    window.evaluate("""() => {
      const chosen = new DataTransfer();
      chosen.items.add(new File([new Uint8Array(20_000_001)], "large.png"));
      const chooser = document.getElementById("device-files");
      chooser.files = chosen.files;
      chooser.dispatchEvent(new Event("change"));
    }""")
    ready(window, 1)
    assert "larger than 20 MB" in window.locator(".device-list li").inner_text()


def test_an_even_picture_says_what_can_be_found(window: Any, site: Site) -> None:
    show(window, site)
    choose(window, file("one.png", encode(Image.new("RGB", (64, 64), "red"), "PNG")))
    ready(window, 1)
    assert "only find the very same file" in window.locator(".device-list li").inner_text()
    assert send(window, site)[0].pdq_quality == 0


def test_a_worker_that_does_not_load_ends_with_a_reason(window: Any, site: Site) -> None:
    window.route("**/worker.js", lambda route: route.abort())
    show(window, site)
    choose(window, file("one.png", picture(1)), file("two.png", picture(2)))
    ready(window, 2)
    assert "did not work on this device" in window.locator(".device-list li").last.inner_text()


def test_a_worker_that_is_silent_ends_with_what_there_is(window: Any, site: Site) -> None:
    silent = site.put("silent.js", "onmessage = () => {};")
    waits = "const wait = setTimeout; window.setTimeout = (call) => wait(call, 200);"
    window.add_init_script(waits)
    page = form().replace("/static/portal/device/worker.js", silent)
    window.goto(site.put("form.html", page, policy=POLICY))
    window.locator("#device-files").wait_for()
    choose(window, file("one.png", picture(1)))
    ready(window, 1)
    assert "took too long" in window.locator(".device-list li").inner_text()


def test_a_base_fingerprint_is_enough_when_the_worker_fails(window: Any, site: Site) -> None:
    base = json.dumps({"pdq_quality": 100, "codes": "ab"})
    script = f"""onmessage = () => {{
      postMessage({{step: "base", fingerprint: {base}}});
      postMessage({{step: "refused", reason: "failed"}});
    }};"""
    page = form().replace("/static/portal/device/worker.js", site.put("half.js", script))
    window.goto(site.put("form.html", page, policy=POLICY))
    window.locator("#device-files").wait_for()
    choose(window, file("one.png", picture(1)))
    ready(window, 1)
    assert json.loads(window.input_value("[name=device]")) == json.loads(base)
    assert "Ready" in window.locator(".device-list li").inner_text()


@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing(window: Any, site: Site, width: int) -> None:
    window.set_viewport_size({"width": width, "height": 720})
    show(window, site)
    choose(window, file("one.png", picture(1)), file("a-name-without-end" * 9 + ".png", b"nothing"))
    ready(window, 2)
    assert accessible.violations(window) == []
    assert window.evaluate("document.documentElement.scrollWidth") <= width


def test_a_refused_picture_offers_no_part(window: Any, site: Site) -> None:
    show(window, site)
    choose(window, file("one.png", b"nothing"))
    ready(window, 1)
    assert not window.get_by_role("button", name="Choose a part").is_visible()
    assert window.get_by_role("button", name="Remove one.png").is_visible()
