"""Choosing a part of a picture before its fingerprint is made: by mouse, by touch and by keyboard."""

from __future__ import annotations

import hashlib
from typing import Any

import accessible
import numpy as np
import pytest
from device_files import scene
from device_form import choose, file, ready, send, show
from device_site import Site
from factories.pictures import encode
from PIL import Image

from takedown.fingerprint import fingerprint

pytestmark = pytest.mark.browser


def _crop_box(window: Any) -> Any:
    window.get_by_role("button", name="Choose a part one.png").click()
    canvas = window.locator(".cropper canvas")
    canvas.wait_for()
    return canvas


def test_a_part_is_chosen_by_keyboard(window: Any, site: Site) -> None:
    show(window, site)
    pixels = scene(400, 300)
    choose(window, file("one.png", encode(Image.fromarray(pixels), "PNG")))
    _crop_box(window)
    assert window.evaluate("document.activeElement.dataset.edge") == "left"
    for _ in range(20):
        window.keyboard.press("ArrowRight")  # 10 percent
    window.keyboard.press("Enter")  # does not send the form
    window.get_by_label("Cut off at the bottom").fill("50")
    window.get_by_role("button", name="Use this part").click()
    window.locator("[data-state]", has_text="fingerprint of the part").wait_for()
    ready(window, 1)
    assert "part that you chose" in window.locator(".device-list li").inner_text()
    assert window.evaluate("document.activeElement.id") == "device-1-crop"
    (found,) = send(window, site)
    part = fingerprint(encode(Image.fromarray(np.ascontiguousarray(pixels[:150, 40:])), "PNG"))
    assert (found.width, found.height, found.codes, found.phash) == (360, 150, part.codes, part.phash)
    cut = np.ascontiguousarray(pixels[:150, 40:]).tobytes()  # digests of the file would tell of all of it
    assert (found.sha256, found.md5) == (hashlib.sha256(cut).hexdigest(), hashlib.md5(cut).hexdigest())


def test_a_part_is_chosen_by_mouse_and_taken_back(window: Any, site: Site) -> None:
    show(window, site)
    data = encode(Image.fromarray(scene(400, 300)), "PNG")
    choose(window, file("one.png", data))
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
    ready(window, 1)
    assert send(window, site) == [fingerprint(data)]


def test_a_part_is_drawn_with_a_finger(browser: Any, site: Site) -> None:
    with browser.new_context(has_touch=True, viewport={"width": 320, "height": 640}) as context:
        window = show(context.new_page(), site)
        choose(window, file("one.png", encode(Image.fromarray(scene(200, 100)), "PNG")))
        box = _crop_box(window).bounding_box()
        finger = context.new_cdp_session(window)
        x, y, width, height = (box[name] for name in ("x", "y", "width", "height"))
        for kind, share in (
            ("touchStart", 0.25),
            ("touchMove", 0.5),
            ("touchMove", 0.75),
            ("touchEnd", None),
        ):
            points = [] if share is None else [{"x": x + share * width, "y": y + share * height}]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        edges = [window.input_value(f"[data-edge={edge}]") for edge in ("left", "top", "right", "bottom")]
        assert [round(float(edge)) for edge in edges] == [25, 25, 25, 25]


@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing(window: Any, site: Site, width: int) -> None:
    window.set_viewport_size({"width": width, "height": 720})
    show(window, site)
    choose(window, file("one.png", encode(Image.fromarray(scene(400, 900)), "PNG")))
    _crop_box(window)
    assert accessible.violations(window) == []
    assert window.evaluate("document.documentElement.scrollWidth") <= width


def test_two_edges_do_not_pass_each_other(window: Any, site: Site) -> None:
    show(window, site)
    choose(window, file("one.png", encode(Image.fromarray(scene(200, 100)), "PNG")))
    _crop_box(window)
    window.get_by_label("Cut off on the left").fill("60")
    window.get_by_label("Cut off on the right").fill("90")
    assert window.input_value("[data-edge=right]") == "35"


def test_a_box_drawn_below_the_exit_button_does_not_leave_the_site(window: Any, site: Site) -> None:
    window.set_viewport_size({"width": 320, "height": 720})
    show(window, site)
    choose(window, file("one.png", encode(Image.fromarray(scene(400, 300)), "PNG")))
    _crop_box(window)
    on_top = window.evaluate(
        """() => {
          const canvas = document.querySelector(".cropper canvas");
          canvas.scrollIntoView({block: "center"});
          const box = canvas.getBoundingClientRect();
          const exit = document.createElement("a");
          exit.style.cssText = `position: fixed; z-index: 2; width: 60px; height: 32px; top: ${box.top}px;`
            + `left: ${box.right - 30}px`;
          document.body.append(exit);
          return [10, -10].map(x => document.elementFromPoint(box.right - x, box.top + 10) === exit);
        }"""
    )
    assert on_top == [False, True]
