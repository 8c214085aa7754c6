"""The family of addresses that show one picture in several sizes: a guess made from the address alone."""

from __future__ import annotations

import re

from takedown.urls import canonical

#: Extensions of pictures, in either case.
EXTENSIONS = ("jpg", "jpeg", "png", "gif", "webp", "avif", "heic")
#: Parameters that hold a size, in either case.
SIZE_PARAMETERS = (
    *("w", "h", "s", "q", "sw", "sh", "wid", "hei", "qlt", "dpr", "fit", "ssl"),
    *("size", "crop", "zoom", "scale", "width", "height", "resize", "quality", "strip", "aspect", "mode"),
    *(
        f"{what}{dash}{side}"
        for what in ("max", "im", "image", "resize", "target", "model")
        for dash in ("", "_")
        for side in ("w", "h", "width", "height", "x", "y")
    ),
)
#: Words that such a parameter can have as its value, in either case.
SIZE_WORDS = (
    *("all", "auto", "max", "min", "crop", "clip", "fill", "fit", "pad", "scale", "contain", "cover"),
    *("bounds", "inside", "thumb", "thumbnail", "small", "medium", "large", "full", "original"),
    *("true", "false"),
)

_PICTURE = rf"\.(?:{'|'.join(EXTENSIONS)})"
_MIRROR_HOST = re.compile(r"i[0-9]\.wp\.com")
# A whole path segment that is a size: 236x, 236x354, x354, s1600, s320-c, w300-h200, 170x170bb.
_SIZE_SEGMENT = re.compile(
    r"[0-9]{2,5}x[0-9]{0,5}(?:bb)?|x[0-9]{2,5}|s[0-9]{2,4}(?:-c)?|w[0-9]{2,5}-h[0-9]{2,5}", re.I
)
# The end of a file name before its extension: -300x200, _480x, _x200, @2x, -scaled.
_SIZE_ENDING = re.compile(
    rf"(?:[-_](?:[0-9]{{2,5}}x[0-9]{{0,5}}|x[0-9]{{2,5}})(?:_crop_[a-z]+)?|@[2-4]x|-scaled)(?={_PICTURE}$)",
    re.I,
)
# A second extension after a size: photo.jpg_200x200.jpg
_SIZE_APPENDED = re.compile(rf"({_PICTURE})_[0-9]{{2,5}}x[0-9]{{2,5}}[^/]{{0,12}}{_PICTURE}$", re.I)
_SIZE_NAME = re.compile("|".join(SIZE_PARAMETERS), re.I)
# Numbers with separators between them: 300, 300x200, 480%2C270, 640px, 300x; or x200; or a word; or nothing.
_SIZE_VALUE = re.compile(
    r"(?:[0-9]{1,5}(?:px|x)?(?:(?:x|\*|,|;|:|\.|%2C|%20|%3A|\+)+[0-9]{1,5}(?:px)?)*|x[0-9]{1,5}"
    rf"|{'|'.join(SIZE_WORDS)})?",
    re.I,
)
# Without any of these a path holds no size.
_HINT = re.compile(r"[0-9]x|x[0-9]|/[sw][0-9]|-scaled", re.I)


def family(url: str) -> str | None:
    """What all size variants of one picture share: a guess that a person confirms, never a match by itself.

    Returns:
        The family key, or None when nothing that names a picture is left.

    Raises:
        BadUrl: as ``canonical`` does.
    """
    return family_of_form(canonical(url))


def family_of_form(form: str) -> str | None:
    """The same for an address that is in its canonical form already.

    The canonical address, after these steps:

    1. a picture mirror (``i0.wp.com/HOST/...``) is replaced by the host it mirrors;
    2. path segments and endings of the file name that say a size go (``236x``, ``-300x200``);
    3. so do size parameters with a size as their value (``?w=``, ``?resize=``).

    An address that names no size is its own family, so that the picture at full size shares it with its
    variants.
    """
    host, _, rest = form.removeprefix("https://").partition("/")
    path, _, query = rest.partition("?")
    if not query and path.strip("/") and host[0] != "i" and not _HINT.search(f"/{path}"):
        return form  # as most are
    segments = path.split("/")
    if _MIRROR_HOST.fullmatch(host) and len(segments) > 1 and "." in segments[0]:
        host = segments.pop(0).lower()
    if host == "i.pinimg.com" and segments[0] == "originals":
        segments = segments[1:] or [""]
    segments[-1] = _without_size(segments[-1])
    segments = [segment for segment in segments if not _SIZE_SEGMENT.fullmatch(segment)]
    query = "&".join(p for p in query.split("&") if p and not _is_size(p))
    path = "/".join(segments)
    if not path.strip("/") and not query:
        return None
    return f"https://{host}/{path}{'?' if query else ''}{query}"


def _without_size(name: str) -> str:
    """A file name without the sizes written into it; nothing when it is only a size."""
    stem, dot, extension = name.rpartition(".")
    if dot and _SIZE_SEGMENT.fullmatch(stem) and re.fullmatch(_PICTURE, dot + extension, re.I):
        return stem
    name = _SIZE_APPENDED.sub(r"\1", name)
    while (shorter := _SIZE_ENDING.sub("", name)) != name and not shorter.startswith("."):
        name = shorter
    return name


def _is_size(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return bool(_SIZE_NAME.fullmatch(name) and _SIZE_VALUE.fullmatch(value))
