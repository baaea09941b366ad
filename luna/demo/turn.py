"""One generation: from taking the chat's lock to letting go of it.

Owns how frames are written and what becomes of the lock: an answer that was sent to its end frees the
chat, one whose client left keeps it for a while, as the backend goes on without a reader; a stop call
frees it at once. Knows nothing of what is said.
"""

from collections.abc import Iterator

import anyio

from luna.demo.asked import Asked, Message
from luna.demo.conversation import Chat, Generation, Node
from luna.demo.envelope import Call
from luna.demo.frames import BLOCK, Frames, Marks
from luna.demo.http import HangUp, Headers, Reply

STREAM_HEADERS: Headers = (("x-frame-options", "SAMEORIGIN"), ("vary", "Accept-Encoding, Origin"))
TITLE_LENGTH = 40


class Turn:
    """A question and the answer to it. Making one takes the lock and grows the tree."""

    def __init__(self, call: Call, chat: Chat, asked: Asked, message: Message, parent: str | None) -> None:
        state = call.state
        self._call = call
        self._state = state
        self._chat = chat
        self._asked = asked
        self._kind = message.chat_type
        self._sent = 0
        marks = self._marks = Marks(
            chat=chat.id,
            parent=state.ids.uuid(),
            response=state.ids.uuid(),
            user=chat.user,
            origin=call.site.origin,
            request=call.request_id,
        )
        self._generation = chat.generation = Generation(marks.response)
        now = int(state.clock.wall())
        if not chat.nodes and not chat.title:
            chat.title = message.text[:TITLE_LENGTH].strip()
        fid = message.fid or marks.parent
        said = Node(marks.parent, fid, message.role, parent, message.text, now, asked.model, files=message.files)
        state.chats.grow(chat, said)
        self._node = Node(marks.response, marks.response, "assistant", marks.parent, "", now, asked.model, done=False)
        state.chats.grow(chat, self._node)
        state.counters.completions += 1
        state.note("turn", chat.user, marks.response)

    def __repr__(self) -> str:
        return f"<Turn {self._marks.response} frames sent={self._sent}>"

    async def play(self, frames: Frames, pace: float) -> None:
        """Stream the frames, `pace` seconds apart."""
        call, exchange, counters = self._call, self._call.exchange, self._state.counters
        exchange.start(200, (*call.headers("text/event-stream; charset=utf-8", 200), *STREAM_HEADERS))
        ended = cut = False
        try:
            with self._state.streaming(self._chat.user), anyio.CancelScope() as scope:
                self._generation.interrupt = scope.cancel
                await (self._paced(frames, pace) if pace else self._fast(frames))
                ended = True
            if not exchange.ended:
                await exchange.write(b"", last=True)
        except HangUp:
            cut = True
            raise
        except anyio.BrokenResourceError:
            exchange.left = True
            raise
        finally:
            counters.finished += ended
            counters.cut += cut and not ended
            counters.left += exchange.left and not ended
            self._settle(frames, ended)

    async def _fast(self, frames: Frames) -> None:
        for position, block in _blocks(frames.data):
            await self._call.exchange.write(self._fill(block), last=position == len(frames.data))
            self._sent = position

    async def _paced(self, frames: Frames, pace: float) -> None:
        due = anyio.current_time()
        for position, frame in enumerate(frames.data, 1):
            await anyio.sleep_until(due)
            await self._call.exchange.write(self._fill(frame), last=position == len(frames.data))
            self._sent = position
            due += pace

    def _fill(self, data: bytes) -> bytes:
        return self._marks.fill(data, int(self._state.clock.wall()))

    def _settle(self, frames: Frames, ended: bool) -> None:
        """Nobody reads any more. The tree keeps what was said; a backend that was not stopped says it all."""
        generation = self._generation
        words = frames.words[: self._sent] if generation.stopped else frames.words
        self._node.content = "".join(words)
        self._node.done = ended
        wait = self._state.settle if ended else self._state.linger
        if self._chat.generation is not generation:
            return
        if wait:
            generation.free_at = self._state.clock.monotonic() + wait
        else:
            self._chat.generation = None

    def film(self) -> Reply:
        """Begin a film: the answer is a document with the task to ask after (wire document, section 1.5)."""
        marks, asked = self._marks, self._asked
        task = self._state.film(marks.user, marks.chat, self._kind)
        self._chat.generation = None
        self._state.counters.finished += 1
        message = {
            "role": "assistant",
            "content": "",
            "extra": {"wanx": {"task_id": task.id}},
            "done": False,
            "size": asked.size or "16:9",
        }
        return self._call.success(
            {"chat_id": marks.chat, "parent_id": marks.parent, "message_id": marks.response, "messages": [message]}
        )


def _blocks(frames: tuple[bytes, ...]) -> Iterator[tuple[int, bytes]]:
    """The frames joined to blocks of up to 16 KiB; each with the number of frames up to its end."""
    start = size = 0
    for position, frame in enumerate(frames):
        if size and size + len(frame) > BLOCK:
            yield position, b"".join(frames[start:position])
            start, size = position, 0
        size += len(frame)
    if size:
        yield len(frames), b"".join(frames[start:])
