"""Copies that were cut, framed, turned or mirrored find their row, whichever of the two the dataset holds."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from factories.pictures import soft
from PIL import Image

from takedown import cli, sandbox
from takedown.index import Hit, Index, build_index, open_index


def cropped(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = image.size
    ends = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    return image.crop(tuple(round(end) for end in ends))  # type: ignore[arg-type]


def framed(image: Image.Image, share: float, colour: str) -> Image.Image:
    width, height = image.size
    edge = round(share * min(width, height))
    canvas = Image.new("RGB", (width + 2 * edge, height + 2 * edge), colour)
    canvas.paste(image, (edge, edge))
    return canvas


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "cut on all sides": lambda image: cropped(image, 0.04, 0.04, 0.04, 0.04),
    "cut at a corner": lambda image: cropped(image, 0, 0, 0.05, 0.05),
    "white border": lambda image: framed(image, 0.05, "white"),
    "black border": lambda image: framed(image, 0.02, "black"),
    "small": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS),
    "two degrees": lambda image: image.rotate(2, Image.Resampling.BICUBIC),
}


def saved(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def picture(seed: int) -> Image.Image:
    return Image.fromarray(soft(640, 480, seed=seed))


@pytest.fixture(scope="module")
def holding(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Index]:
    """Indexes of six pictures each: originals, or copies edited in one way."""
    made: dict[str, Index] = {}

    def index(edit: str) -> Index:
        if edit not in made:
            folder = tmp_path_factory.mktemp("pictures")
            for seed in range(6):
                image = picture(seed)
                (folder / f"{seed}.jpg").write_bytes(saved(EDITS[edit](image) if edit else image))
            build_index(folder / "x", [folder])
            made[edit] = open_index(folder / "x")
        return made[edit]

    return index


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_finds_its_original(edit: str, holding: Callable[[str], Index]) -> None:
    asked = sandbox.fingerprint(saved(EDITS[edit](picture(2))))
    assert [hit.row for hit in holding("").find_fingerprint(asked)] == [2]


@pytest.mark.parametrize("edit", EDITS)
def test_an_original_finds_its_edited_copy(edit: str, holding: Callable[[str], Index]) -> None:
    asked = sandbox.fingerprint(saved(picture(3)))
    assert [hit.row for hit in holding(edit).find_fingerprint(asked)] == [3]


def test_exact_only_looks_for_the_picture_as_it_is(
    holding: Callable[[str], Index], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = holding("")
    mirrored = saved(EDITS["mirrored"](picture(1)))
    asked = sandbox.fingerprint(mirrored)
    assert index.find_fingerprint(asked, exact_only=True) == []
    (hit,) = index.find_fingerprint(asked)
    assert hit.variant is not None
    assert hit.variant.startswith("flip")
    (tmp_path / "m.jpg").write_bytes(mirrored)
    arguments = ["lookup", str(index.folder), "--image", str(tmp_path / "m.jpg"), "--json"]
    assert cli.main(arguments) == 0
    assert [found["row"] for found in json.loads(capsys.readouterr().out)] == [1]
    assert cli.main([*arguments, "--exact-only"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_larger_cut_is_found_by_what_the_index_holds_of_the_middle(
    holding: Callable[[str], Index],
) -> None:
    index = holding("")
    assert any(name.startswith("parts/0001/near/pdq_more/") for name in index._manifest.files)
    asked = sandbox.fingerprint(saved(cropped(picture(4), 0.08, 0.02, 0.02, 0.08)))
    assert [hit.row for hit in index.find_fingerprint(asked)] == [4]


def test_codes_of_parts_answer_no_question_for_a_single_code(holding: Callable[[str], Index]) -> None:
    index = holding("")
    code = index._parts[0].near("pdq_more").codes[0].tobytes()  # type: ignore[union-attr]
    assert index.find_near("pdq", code, 0) == []


def test_another_picture_finds_nothing(holding: Callable[[str], Index]) -> None:
    asked = sandbox.fingerprint(saved(picture(77)))
    assert holding("").find_fingerprint(asked) == []


def test_rows_without_their_source_are_still_found(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(saved(picture(5)))
    build_index(tmp_path / "x", [tmp_path / "in"])
    (tmp_path / "in" / "a.jpg").unlink()
    asked = sandbox.fingerprint(saved(EDITS["small"](picture(5))))
    (hit,) = open_index(tmp_path / "x").find_fingerprint(asked)
    assert isinstance(hit, Hit)
    assert np.isfinite(hit.distance or 0)
