"""Uploaded pictures stay in memory until they are sealed; nothing is ever spooled to disk.

Django's defaults write large uploads to a temporary file in plain text; with the in-memory handler alone it
drops what is too large without a word. Here a file over the cap is kept as an empty marker, so that the
form can say so beside the field and the other answers survive.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class OversizedUpload(UploadedFile):
    """Stands for a file that was larger than the cap: its bytes were read and thrown away."""


class InMemoryOnly(FileUploadHandler):
    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._bytes = BytesIO()
        self._oversized = False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self._bytes.tell() + len(raw_data) > settings.MAX_PICTURE_BYTES:
            self._oversized = True
            self._bytes = BytesIO()
        if not self._oversized:
            self._bytes.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        # The name a person gave the file is dropped here and never looked at.
        if self._oversized:
            return OversizedUpload(BytesIO(), "picture", size=0)
        size = self._bytes.tell()
        self._bytes.seek(0)
        return InMemoryUploadedFile(self._bytes, self.field_name, "picture", "", size, None)
