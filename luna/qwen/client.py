"""Speaks to Qwen's web chat on behalf of one account.

Owns the calls: address, headers, body, the judgement of the reply, the cookies it sets. One client serves one
flow, from which it draws its ids. Knows no retries but one: a call that is plainly refused for its token is made
once more with a new one. The completion is left to the transport, which knows what has already gone out.
"""

from typing import Any

import msgspec

from luna.model.ambient import Ids
from luna.model.errors import Kind, LunaError
from luna.protocols.sse import SSEReader
from luna.qwen.authority import Authority
from luna.qwen.catalogue import Model, read_models
from luna.qwen.chat_list import ListedChat, holds_nothing, read_chats
from luna.qwen.chats import current_answer
from luna.qwen.errors import document_error, judge, real_status, understood, unexpected_document
from luna.qwen.payload import new_chat_body, stop_body
from luna.qwen.permits import parse_item
from luna.qwen.refusals import Refusal, refused
from luna.upstream.exchange import Backend, Headers, InResponse, OutRequest, Timeouts

SHORT = Timeouts(connect=10.0, head=15.0, idle=10.0)
"""For everything that is not a completion."""
UPLOADING = Timeouts(connect=10.0, head=120.0, idle=30.0)
"""For a file on its way into the store; `idle` is for each piece of it."""
STORE_REPLY = 64 * 1024
"""Bytes."""
STOPPING = Timeouts(connect=2.0, head=3.0, idle=2.0)
"""For the stop call, which runs while a flow is being cleaned up."""


class QwenClient:
    """One account's voice on one flow. `now` is the time that its requests name, in seconds since the epoch: the
    flow's birth, so that a replay says the same."""

    def __init__(self, authority: Authority, now: float, ids: Ids) -> None:
        self.site = authority.site
        self._authority = authority
        self._now = now
        self._ids = ids
        self._generation = authority.generation

    def __repr__(self) -> str:
        return f"<QwenClient {self.site.base_url} {self._authority!r}>"

    async def complete(self, chat_id: str, body: bytes, timeouts: Timeouts) -> InResponse:
        """Send a turn. Returns when Qwen seems to have accepted it: the status is good, and what follows is a stream,
        or at least calls itself neither JSON nor a page. The caller reads and closes the response. Raises LunaError,
        having closed it."""
        url = self.site.completions(chat_id)
        quick = (("x-accel-buffering", "no"),)
        response = await self._open("POST", url, body, chat_id=chat_id, timeouts=timeouts, more=quick)
        accepted = False
        try:
            kind = response.fields.get("content-type", "").lower()
            status, actual = response.status, response.fields.get("x-actual-status-code")
            status = max(status, real_status(status, actual)) if actual else status
            accepted = 200 <= status < 300 and "json" not in kind and "html" not in kind
            if not accepted:
                raise await _refusal(response, status)
        finally:
            if not accepted:
                await response.aclose()
        return response

    async def renew(self) -> None:
        """The last call was refused for its token: see to a new one. Raises LunaError(UPSTREAM_LOGIN) when the login
        is over."""
        await self._authority.renew(self._generation)

    async def create_chat(self, model: str, title: str = "") -> str:
        """A new chat; returns its id. Without a title Qwen finds one."""
        reply = await self._call("POST", self.site.new_chat(), new_chat_body(model, self._now, title))
        data = reply.get("data")
        chat_id = data.get("id") if isinstance(data, dict) else None
        if not isinstance(chat_id, str) or not chat_id:
            raise LunaError(
                Kind.UPSTREAM_BROKEN, "Qwen made a chat without saying which.", hint="Send the request again."
            )
        return chat_id

    async def current_answer(self, chat_id: str) -> str | None:
        """The response id that the chat's next turn must follow; None for a chat without an answer."""
        return current_answer(await self.chat(chat_id))

    async def chat(self, chat_id: str) -> dict[str, Any]:
        """A chat with its whole tree, as Qwen says it."""
        return await self._call("GET", self.site.chat(chat_id), chat_id=chat_id)

    async def chats(self, page: int) -> list[ListedChat]:
        """One page of the account's chats, the latest first; pages count from 1, and one beyond the last is empty."""
        return read_chats(await self._call("GET", self.site.chats(page)))

    async def holds_nothing(self, chat_id: str) -> bool:
        """Whether nobody has said anything in the chat; False when the reply does not tell."""
        return holds_nothing(await self.chat(chat_id))

    async def delete_chat(self, chat_id: str) -> None:
        """Remove one chat."""
        await self._call("DELETE", self.site.chat(chat_id), chat_id=chat_id)

    async def stop(self, chat_id: str, response_id: str = "") -> None:
        """End what the chat is generating; without a response id, whatever it is."""
        body = stop_body(chat_id, response_id)
        await self._call("POST", self.site.stop(chat_id), body, chat_id=chat_id, timeouts=STOPPING, renew=False)

    async def models(self) -> list[Model]:
        """What Qwen offers to this account."""
        return read_models(await self._call("GET", self.site.models()))

    async def user(self) -> dict[str, Any]:
        """Who the credentials belong to: `id`, `email`, `name`, … as Qwen says it."""
        *newer, oldest = self.site.users()
        for url in newer:
            try:
                return _user(await self._call("GET", url))
            except LunaError as error:
                if error.detail.get("status") not in (404, 405) and error.kind is not Kind.CHAT_GONE:
                    raise
        return _user(await self._call("GET", oldest))

    async def user_settings(self) -> dict[str, Any]:
        """What the user has set on the page: `tools_enabled`, … as Qwen says it."""
        return _user(await self._call("GET", self.site.user_settings()))

    # Files

    @property
    def backend(self) -> Backend:
        """How this account's requests go out, for what else belongs to one of its turns."""
        return self._authority.backend

    async def upload_permit(self, name: str, size: int, filetype: str) -> dict[str, Any]:
        """Where a file of `size` bytes may be put, and the store's temporary keys, as Qwen spells them (wire document
        section 6). `filetype`: `image`, `video`, `audio` or `file`. The reply is full of secrets."""
        body = msgspec.json.encode({"filename": name, "filesize": str(size), "filetype": filetype})
        *newer, oldest = self.site.upload_permits()
        for url in newer:
            try:
                return _user(await self._call("POST", url, body))
            except LunaError as error:
                if error.detail.get("status") not in (404, 405) and error.kind is not Kind.CHAT_GONE:
                    raise
        return _user(await self._call("POST", oldest, body))

    async def put_object(self, url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:
        """Put a file into the store that Qwen named; returns status and body of the reply. Neither the token nor the
        cookies go along."""
        page = (("User-Agent", self._authority.browser.user_agent), ("Origin", self.site.base_url))
        request = OutRequest("PUT", url, (*page, ("Referer", self.site.page("")), *headers), body, UPLOADING)
        response = await self._authority.backend.open(request)
        try:
            return response.status, await response.read(STORE_REPLY)
        finally:
            await response.aclose()

    async def parse(self, file_id: str) -> None:
        """Have Qwen read an uploaded document."""
        await self._call("POST", self.site.parse(), msgspec.json.encode({"file_id": file_id}))

    async def parse_status(self, file_id: str) -> dict[str, Any]:
        """How far that is: `status`, `error_code`, `error_msg`; empty when Qwen says nothing of the file."""
        body = msgspec.json.encode({"file_id_list": [file_id]})
        return parse_item(await self._call("POST", self.site.parse_status(), body), file_id)

    async def _call(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        *,
        chat_id: str = "",
        timeouts: Timeouts = SHORT,
        renew: bool = True,
    ) -> dict[str, Any]:
        """A call that is answered with one document."""
        while True:
            try:
                response = await self._open(method, url, body, chat_id=chat_id, timeouts=timeouts)
                try:
                    read = await response.read()
                finally:
                    await response.aclose()
                if response.status == 204:
                    return {}
                document = understood(response, read)
            except LunaError as error:
                if error.kind is not Kind.UPSTREAM_LOGIN or not renew:
                    raise
            else:
                return document if isinstance(document, dict) else {"data": document}
            renew = False
            await self.renew()

    async def _open(
        self, method: str, url: str, body: bytes, *, chat_id: str, timeouts: Timeouts, more: Headers = ()
    ) -> InResponse:
        authority = self._authority
        access = authority.at_hand(url) or await authority.access(url)
        self._generation = access.generation
        described = authority.browser.headers(
            self.site, url, request_id=self._ids.uuid(), now=self._now, chat_id=chat_id, body=body != b""
        )
        headers = (*described, *more, *access.headers)
        response = await authority.backend.open(OutRequest(method, url, headers, body, timeouts))
        if "set-cookie" in response.fields:
            authority.absorb(response.headers, url)
        return response


async def _refusal(response: InResponse, status: int) -> LunaError:
    """Why a completion was not accepted."""
    kind, body = response.header("content-type"), await response.read()
    if not kind.lower().startswith("text/event-stream"):
        return judge(response, body) or unexpected_document(kind)
    reader = SSEReader()
    for payload in [*reader.feed(body), *reader.close()]:
        try:
            error = document_error(msgspec.json.decode(payload), status)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if error is not None:
            return error
    return refused(Refusal(status=status))


def _user(reply: dict[str, Any]) -> dict[str, Any]:
    """Enveloped or flat."""
    data = reply.get("data")
    return data if isinstance(data, dict) else reply
