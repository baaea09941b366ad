"""What goes along with a turn as files: the attachments of its messages, the client's own file ids, luna's documents.

Owns which of them are sent and how they come to their bytes. Bringing them to Qwen is `luna.state.uploads`, what may
be fetched `luna.upstream.guard`, the shape of the entries `luna.qwen.file_entries`. No stage of its own: the transport
calls it.

An attachment that cannot be had or read, or that the model cannot take, fails the request when it belongs to the
user's last message: nobody wants an answer about a picture that nobody saw. Further back, or in a tool's result, it is
left out and named in `x-luna-ignored`: an agent cannot take it out of its history.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from luna.core.flow import Flow
from luna.model.errors import Kind, LunaError
from luna.qwen.attached import Attached
from luna.qwen.catalogue import Catalogue, Model
from luna.qwen.client import QwenClient
from luna.qwen.file_entries import Uploaded, entry, named_only
from luna.qwen.file_types import LIMITS, FileKind, check_size, classify, extension
from luna.qwen.files import Content, naming
from luna.state.uploads import Uploads
from luna.upstream import data_url
from luna.upstream.guard import LinkFetcher

log = logging.getLogger("luna.stages.qwen_files")

MOST = 50
"""Attachments of one turn; of more, the latest."""
AT_ONCE = 4
"""Of one turn so many are in memory at a time."""
FETCH_LIMIT = 100_000_000
"""Bytes of what is fetched; Qwen takes larger films, but they would have to stay in memory."""
_LARGE = 256 * 1024
"""Characters from which decoding is a thread's work."""
_CLIENTS_OWN = frozenset({Kind.BAD_REQUEST, Kind.TOO_LARGE, Kind.UNSUPPORTED_MEDIA_TYPE})
"""Failures that lie with the attachment."""

T = TypeVar("T")


async def upload_attachments(
    flow: Flow, client: QwenClient, account: str, every: Sequence[Attached]
) -> list[dict[str, Any]]:
    """The entries for what the chat does not know yet of everything that is attached, in order, then for the client's
    `file_ids`. Raises LunaError, which names the attachment."""
    wanted = [one for one in every if not one.known]
    if not wanted and not flow.chat.file_ids:
        return []
    errand = _Errand(flow, client, account)
    for one in wanted[:-MOST]:
        errand.leave_out(one, f"a turn takes {MOST} attachments")
    brought = await _all([_bound(errand.bring, one) for one in wanted[-MOST:]])
    named = [await errand.uploads.find(account, file_id) for file_id in flow.chat.file_ids]
    files = {file.id: file for file in [*named, *filter(None, brought)]}
    order = dict.fromkeys([*(file.id for file in brought if file is not None), *flow.chat.file_ids])
    return [entry(files[file_id], flow.ids, flow.born) for file_id in order]


async def upload_document(flow: Flow, client: QwenClient, account: str, name: str, data: bytes) -> dict[str, Any]:
    """The entry for a text (UTF-8) that luna sends as a file, once Qwen has read it. Raises LunaError, which names
    it."""
    content = Content(name, "document", "text/plain", data)
    uploaded = await flow.services[Uploads].upload(client, account, content)
    return entry(uploaded, flow.ids, flow.born)


class _Errand:
    """One turn's attachments."""

    def __init__(self, flow: Flow, client: QwenClient, account: str) -> None:
        self.uploads = flow.services[Uploads]
        self._flow = flow
        self._client = client
        self._account = account
        self._fetcher = flow.services.get(LinkFetcher) or LinkFetcher()
        self._model = _model_of(flow, client)

    def __repr__(self) -> str:
        return f"<_Errand of {self._flow.id} for {self._account}>"

    async def bring(self, one: Attached) -> Uploaded | None:
        """The file at Qwen; None for one that is left out."""
        try:
            if one.attachment.id and not one.attachment.url:
                found = await self.uploads.find(self._account, one.attachment.id)
                return found if found.url else named_only(found.id, one.attachment.name, one.attachment.kind)
            self._check_model(one.attachment.kind, one.name)
            content = await self._content(one)
            self._check_model(content.kind, content.name)
            return await self.uploads.upload(self._client, self._account, content)
        except LunaError as error:
            if one.insisted or error.kind not in _CLIENTS_OWN:
                raise
            self.leave_out(one, error.message)
            return None

    def leave_out(self, one: Attached, why: str) -> None:
        """Say so, or refuse where the pipeline is strict. Raises LunaError(BAD_REQUEST)."""
        log.info("flow %s: %s is left out: %s", self._flow.id, one.mark, why)
        self._flow.ignore(f"messages.content.{one.attachment.kind}")

    async def _content(self, one: Attached) -> Content:
        data, declared = await self._bytes(one)
        kind, media_type = classify(one.name, declared, data, one.attachment.kind)
        name = one.name if "." in one.name else one.name + extension(media_type)
        return Content(name, kind, media_type, data)

    async def _bytes(self, one: Attached) -> tuple[bytes, str]:
        """With what the client, else the server, calls them."""
        attachment = one.attachment
        if attachment.url[:5].lower() == "data:":
            data, media_type = await _decoded(one)
        else:
            try:
                limit = min(LIMITS[attachment.kind], FETCH_LIMIT)
                data, media_type = await self._fetcher.fetch(self._client.backend, attachment.url, limit)
            except LunaError as error:
                raise naming(attachment.kind, one.name, "is not to be had", error) from error
        return data, attachment.media_type or media_type

    def _check_model(self, kind: FileKind, name: str) -> None:
        """Raises LunaError(UNSUPPORTED_MEDIA_TYPE) for what the model is known not to take; documents become text."""
        model = self._model
        if model is None or kind == "document" or kind in model.modalities:
            return
        site = self._client.site.base_url
        able = [other.id for other in self._flow.services[Catalogue].known(site).models if kind in other.modalities]
        raise LunaError(
            Kind.UNSUPPORTED_MEDIA_TYPE,
            f"The model {model.id} takes no {kind}: '{name}' cannot be sent to it.",
            hint=f"Models that do: {', '.join(able[:4])}." if able else "",
        )


async def _decoded(one: Attached) -> data_url.Data:
    url = one.attachment.url
    # What is called a document may turn out to be a film.
    kind = "video" if one.attachment.kind == "document" else one.attachment.kind
    check_size(kind, one.name, data_url.size_at_least(url))
    try:
        return data_url.decode(url) if len(url) < _LARGE else await anyio.to_thread.run_sync(data_url.decode, url)
    except ValueError as error:
        raise LunaError(
            Kind.BAD_REQUEST,
            f"The {one.attachment.kind} '{one.name}' cannot be decoded: {error}.",
            hint="Send it as `data:<type>;base64,<data>`.",
        ) from None


def _model_of(flow: Flow, client: QwenClient) -> Model | None:
    """The model that will answer, as far as it is known."""
    try:
        return flow.services[Catalogue].resolve(client.site.base_url, flow.chat.target or flow.chat.model).model
    except LunaError:
        return None


def _bound(bring: Callable[[Attached], Awaitable[T]], one: Attached) -> Callable[[], Awaitable[T]]:
    return lambda: bring(one)


async def _all(jobs: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Their results in order, a few at a time. The first that fails ends the others, and its error is raised."""
    results: dict[int, T] = {}
    failures: list[LunaError] = []
    gate = anyio.CapacityLimiter(AT_ONCE)

    async def run(place: int, job: Callable[[], Awaitable[T]]) -> None:
        try:
            async with gate:
                results[place] = await job()
        except LunaError as error:
            failures.append(error)
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for place, job in enumerate(jobs):
            tasks.start_soon(run, place, job)
    if failures:
        raise failures[0]
    return [results[place] for place in range(len(jobs))]
