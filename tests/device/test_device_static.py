"""The modules under hashed names, as they are served in life: every import finds its file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from device_files import scene
from device_site import POLICY, STATIC, Site
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.template.loader import render_to_string
from factories.pictures import encode
from PIL import Image
from whitenoise import WhiteNoise

from portal.static_headers import confine_scripts
from takedown.fingerprint import Fingerprint, fingerprint

pytestmark = pytest.mark.browser

_IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["'](\./[^"']+)["']""")


@pytest.fixture
def hashed(settings: Any, tmp_path: Path) -> Path:
    """A folder with all static files under hashed names; ``{% static %}`` gives those."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {"staticfiles": {"BACKEND": "portal.static_files.HashedModules"}}
    call_command("collectstatic", interactive=False, verbosity=0)
    return tmp_path


def test_every_import_names_a_file_by_its_content(hashed: Path) -> None:
    scripts = [path for path in hashed.rglob("device/*.js") if re.search(r"\.[0-9a-f]{12}\.js$", path.name)]
    assert len(scripts) == len(list(STATIC.rglob("device/*.js")))
    names = {path.name for path in scripts}
    imported = {found[2:] for path in scripts for found in _IMPORT.findall(path.read_text())}
    assert len(imported) > 20
    assert imported <= names
    assert (hashed / staticfiles_storage.stored_name("portal/device/page.js")).is_file()


def test_the_whole_way_works_under_hashed_names(window: Any, site: Site, hashed: Path) -> None:
    for path in hashed.rglob("*.*"):
        if path.suffix in (".js", ".css"):
            site.put(f"hashed/{path.relative_to(hashed)}", path.read_bytes())
    block = render_to_string("public/device.html", {"device_most": 300}).replace("/static/", "/hashed/")
    assert re.search(r"/hashed/portal/device/worker\.[0-9a-f]{12}\.js", block)
    site.asked.clear()
    page = f"<!doctype html><form action=/sent method=post>{block}<button>Go</button></form>"
    window.goto(site.put("hashed.html", page, policy=POLICY))
    data = encode(Image.fromarray(scene(90, 60)), "PNG")
    window.set_input_files("#device-files", [{"name": "a.png", "mimeType": "", "buffer": data}])
    window.locator("progress[hidden]").wait_for(state="attached")
    assert Fingerprint.from_json(window.input_value("[name=device]")) == fingerprint(data)
    scripts = [path for path in site.asked if path.endswith(".js")]
    assert len(scripts) > 20
    assert all(re.search(r"\.[0-9a-f]{12}\.js$", path) for path in scripts)


def test_scripts_come_with_a_policy_and_nothing_else_does() -> None:
    app = WhiteNoise(None, root=STATIC, prefix="static/", add_headers_function=confine_scripts)
    policies = {
        Path(url).name: dict(file.get_response("GET", {}).headers).get("Content-Security-Policy")
        for url, file in app.files.items()
        if "/device/" in url
    }
    assert policies["worker.js"] == "default-src 'none'; script-src 'self'"
    assert policies["device.css"] is None
