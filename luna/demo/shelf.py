"""What people uploaded: permits, objects, and how far the reading of a document is.

Owns the life of a file from the permit to the moment at which a message may name it, and how much is kept. Knows no
HTTP and no signatures.
"""

import hashlib
import hmac
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlencode

from luna.demo.refusal import Refusal
from luna.model.ambient import Clock, Ids

BUCKET = "qwen-look-alike"
REGION = "oss-ap-southeast-1"
PERMIT_SECONDS = 3600.0
LINK_SECONDS = 300.0
MAX_BYTES = 256 * 1024 * 1024
MAX_FILES = 2_000
SLOW_POLLS = 3
"""How often a document called `…parse-slow…` is still being read when it is asked after."""

Reading = Literal["none", "pending", "success", "failed"]


@dataclass
class File:
    """One file of one user. Times in seconds since the epoch."""

    id: str
    user: str
    name: str
    size: int
    """As announced."""
    filetype: str
    key: str
    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    until: float
    """The permit's end."""
    link_until: float
    data: bytes | None = field(default=None, repr=False)
    """What was stored; None before."""
    content_type: str = ""
    reading: Reading = "none"
    polls: int = 0

    @property
    def is_document(self) -> bool:
        """Only documents are read before a message may name them."""
        return self.filetype not in ("image", "video", "audio")

    @property
    def text(self) -> str | None:
        """Its words; None for what has none that the look-alike could read."""
        if self.data is None or not self.is_document:
            return None
        try:
            return self.data.decode("utf-8")
        except UnicodeDecodeError:
            return None


class Shelf:
    """All files. What is oldest makes way."""

    def __init__(self, clock: Clock, ids: Ids, *, polls: int = 0) -> None:
        self.polls = polls
        """How often a document is still being read when it is asked after."""
        self._clock = clock
        self._ids = ids
        self._secret = hashlib.blake2b(ids.seed, person=b"links").digest()
        self._files: dict[str, File] = {}
        self._bytes = 0

    def __repr__(self) -> str:
        return f"<Shelf {len(self._files)} files, {self._bytes} bytes>"

    def __len__(self) -> int:
        return len(self._files)

    def permit(self, user: str, name: str, size: int, filetype: str) -> File:
        """Leave to store one object."""
        now, id = self._clock.wall(), self._ids.uuid()
        file = File(
            id=id,
            user=user,
            name=name,
            size=size,
            filetype=filetype,
            key=f"{user}/{id}_{name}",
            access_key=self._ids.token("STS."),
            secret=self._ids.token(""),
            token=self._ids.token("CAIS") + self._ids.token(""),
            until=now + PERMIT_SECONDS,
            link_until=now + LINK_SECONDS,
        )
        self._files[id] = file
        while len(self._files) > MAX_FILES or self._bytes > MAX_BYTES:
            self._drop(next(iter(self._files.values())))
        return file

    def link(self, file: File, origin: str) -> str:
        """Where the object can be read, for a while."""
        signed = {
            "Expires": str(int(file.link_until)),
            "OSSAccessKeyId": file.access_key,
            "Signature": self.signature(file),
        }
        return f"{origin}/{BUCKET}/{quote(file.key)}?{urlencode(signed)}"

    def signature(self, file: File) -> str:
        """What the link of a file is signed with."""
        message = f"{file.key}\n{int(file.link_until)}".encode()
        return b64encode(hmac.digest(self._secret, message, hashlib.sha256)).decode()

    def by_access_key(self, access_key: str) -> File | None:
        """The file whose permit has that key id."""
        return next((file for file in self._files.values() if file.access_key == access_key), None)

    def by_key(self, key: str) -> File | None:
        """The file that is stored under that name."""
        return next((file for file in self._files.values() if file.key == key), None)

    def store(self, file: File, data: bytes, content_type: str) -> None:
        """Keep an object."""
        self._bytes += len(data) - len(file.data or b"")
        file.data, file.content_type = data, content_type

    def of(self, user: str, id: str) -> File:
        """A file that was stored by that user. Raises Refusal."""
        file = self._files.get(id)
        if file is None or file.user != user or file.data is None:
            raise Refusal("Not_Found", "File not found", 404)
        return file

    def begin_reading(self, file: File) -> None:
        """Have a document read."""
        file.reading, file.polls = "pending", 0

    def ask(self, file: File) -> Reading:
        """How far the reading is; it goes on with every question."""
        if file.reading == "pending":
            file.polls += 1
            name = file.name.lower()
            if "parse-fails" in name:
                file.reading = "failed"
            elif "parse-hangs" not in name and file.polls > (SLOW_POLLS if "parse-slow" in name else self.polls):
                file.reading = "success"
        return file.reading

    def check(self, user: str, entry: dict[str, object], origin: str) -> File:
        """The file that a message's entry names, fit to be shown to the model. Raises Refusal: for one that is not
        there, whose link has expired, or which has not been read (wire document, section 4.6)."""
        file = self._files.get(str(entry.get("id") or ""))
        if file is None or file.user != user or file.data is None:
            raise Refusal("Bad_Request", "Invalid input files: file not found.", 400)
        url = entry.get("url")
        if url and (url != self.link(file, origin) or self._clock.wall() > file.link_until):
            raise Refusal("Bad_Request", "Invalid input files: the link of the file has expired.", 400)
        if file.is_document and file.reading != "success":
            raise Refusal("Bad_Request", "An internal error occurred while the files were read.", 400)
        return file

    def get(self, id: str) -> File | None:
        """The file, whoever it belongs to."""
        return self._files.get(id)

    def _drop(self, file: File) -> None:
        del self._files[file.id]
        self._bytes -= len(file.data or b"")
