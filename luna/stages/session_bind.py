"""`session.bind`: which session a request belongs to, and which of its messages the chat has already.

Owns what is read of the request for that, the marks on the messages, the headers that tell the client, what recordings
show of it, and the notes for the stages behind it. How a session is found belongs to `luna.state.sessions`.
"""

from typing import Annotated, ClassVar

import msgspec

from luna.conversation.digest import History
from luna.conversation.stable import system_marks
from luna.core.flow import Flow
from luna.core.notes import CLIENT, Key
from luna.core.stage import BuildContext, RequestStage, StageOptions
from luna.model.chat import Binding, Whereabouts
from luna.model.errors import Kind, LunaError
from luna.stages.session_recall import RECALL, VARIABLES, Recall
from luna.state.place import Place
from luna.state.runs import Runs
from luna.state.session_asked import Asked, Found
from luna.state.session_memory import SessionMemory
from luna.state.sessions import Sessions
from luna.tools.profiles import ClientProfile, recognise

LONGEST = {"session": 64, "thread": 128, "subagent": 128}
"""Characters that such an id may have."""


class Bound(msgspec.Struct):
    """Where the conversation is known to stand."""

    session: str
    """luna's id of the session; "" where sessions are off."""
    place: Place | None
    """The answer to go on from; None begins a new chat, or goes on at the end of the one that the client names."""
    reason: str
    """Why the session was, or was not, found."""
    mode: str
    """`new`, `persistent`, `stateless` or `disabled`, as the listing calls it."""
    thread: str = ""
    moved: bool = False
    """The place that was found did not do."""
    found: Found | None = None
    """For `session.remember`."""


_NOWHERE = Place("", "", "")

BOUND: Key[Bound] = Key("session.bound")
"""What `session.bind` found, for the stages behind it."""


class SessionBindOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `session.bind`."""

    summary: Annotated[
        str,
        msgspec.Meta(description="The prompt around a summary that stands for the beginning of a long conversation."),
    ] = "session/resume"


class SessionBind(RequestStage):
    """Finds the chat that the conversation began in, by what the client names or else by the conversation's content, so
    that only what is new is sent there. Stands behind `responses.recall` and before everything that adds to the
    prompt; `session.remember` is its way back."""

    use = "session.bind"
    Options: ClassVar[type[StageOptions]] = SessionBindOptions
    needs_chat = True

    def __init__(self, options: SessionBindOptions, context: BuildContext) -> None:
        """Raises OptionError when the prompt is missing or uses a variable that it is not given."""
        super().__init__(options, context)
        self._resume = context.prompts.require(options.summary, option="summary", variables=VARIABLES)

    async def request(self, flow: Flow) -> None:
        """Raises LunaError(BAD_REQUEST) for an id that is too long, and INTERNAL when the database cannot be read."""
        sessions = flow.services.get(Sessions)
        if sessions is None:
            return
        chat = flow.chat
        _check(chat.binding)
        found = await sessions.find(_asked(flow))
        flow.defer(found.release)
        session, place = found.session, found.place
        bound = Bound(
            session=session.id if session is not None else "",
            place=place,
            reason=found.reason,
            mode=found.mode,
            thread=session.thread if session is not None else "",
            found=found,
        )
        flow.notes[BOUND] = bound
        memory = flow.services.get(SessionMemory)
        if memory is not None:
            flow.notes[RECALL] = Recall(flow, memory, found, self._resume)
        chat.whereabouts = _written(found, place)
        for message in chat.messages[: found.known]:
            message.known = place is not None or bool(chat.binding.chat)
        _tell(flow, bound)


def rebind(flow: Flow, why: str) -> None:
    """The place that was found will not do: the conversation is sent into another chat, all of it. Nothing has gone
    out to the client yet."""
    bound = flow.notes.get(BOUND)
    if bound is not None:
        reason = f"{bound.reason}; {why}"
        flow.notes[BOUND] = bound = msgspec.structs.replace(bound, place=None, moved=True, reason=reason)
        if bound.found is not None:
            bound.found.reason = bound.reason
        _tell(flow, bound)


def profile_of(flow: Flow) -> ClientProfile:
    """What is known of the program that sent the request."""
    known = flow.notes.get(_PROFILE)
    if known is None:
        known = flow.notes[_PROFILE] = recognise(flow.client.headers, [tool.name for tool in flow.chat.tools])
    return known


def told_by_system(flow: Flow) -> str:
    """The marks of what the system says, as `Place.system` has them."""
    for message in flow.chat.messages:
        if message.role == "system":
            return " ".join(system_marks(flow.chat.messages, profile_of(flow)))
    return ""


_PROFILE: Key[ClientProfile] = Key("client profile")


def _asked(flow: Flow) -> Asked:
    chat, said = flow.chat, flow.chat.binding
    profile = profile_of(flow)
    system = [place for place, message in enumerate(chat.messages) if message.role == "system"]
    leading = [chat.messages[place] for number, place in enumerate(system) if number == place] if system else ()
    client = flow.notes.get(CLIENT) or ""
    conversation = ""
    for name in profile.conversation:
        conversation = conversation or flow.client.header(name)
    whose = (client, said.source, said.workspace, *([said.subagent] if said.subagent else []))
    return Asked(
        history=History.of(chat.messages, profile, *whose),
        instructions=" ".join(system_marks(leading, profile)) if leading else "",
        new_id=flow.ids.ordered,
        scope="\n".join((client, said.source, said.workspace)).rstrip("\n"),
        bare=not (chat.tools or system),
        session=said.session,
        thread=said.thread,
        chat=said.chat,
        conversation=conversation[: LONGEST["thread"]],
        source=said.source or "auto",
        workspace=said.workspace,
        subagent=said.subagent,
    )


def _written(found: Found, place: Place | None) -> Whereabouts:
    """For recordings."""
    place, session = place or _NOWHERE, found.session
    return Whereabouts(
        session=session.id if session is not None else "",
        thread=session.thread if session is not None else "",
        reason=found.reason,
        mode=found.mode,
        stored=session is not None and session.stored,
        known=found.known,
        account=place.account,
        chat=place.chat,
        response=place.response,
        model=place.model,
        system=place.system,
        answer=found.node.id if found.node is not None else "",
        differs=msgspec.structs.asdict(found.differs) if found.differs is not None else {},
    )


def _check(binding: Binding) -> None:
    if not (binding.session or binding.thread or binding.subagent):
        return
    named = {"session": binding.session, "thread": binding.thread, "subagent": binding.subagent}
    for name, value in named.items():
        if len(value) > LONGEST[name] or not value.isprintable():
            raise LunaError(
                Kind.BAD_REQUEST,
                f"The {name} id is not one that luna can keep.",
                hint=f"Use at most {LONGEST[name]} printable characters.",
                param="session_id" if name == "session" else f"x-luna-{name}-id",
            )


def _tell(flow: Flow, bound: Bound) -> None:
    """The client, and whoever looks at the run."""
    flow.headers["x-luna-session-reason"] = bound.reason
    if bound.session:
        flow.headers["x-luna-session-id"] = bound.session
        flow.headers["x-luna-thread-id"] = bound.thread
    if flow.chat.binding.subagent:
        flow.headers["x-luna-subagent-id"] = flow.chat.binding.subagent
    runs = flow.services.get(Runs)
    run = runs.find_active(flow.id) if runs is not None else None
    if run is not None:
        differs = bound.found.differs if bound.found is not None else None
        more = f"; {differs}: {differs.before!r} became {differs.now!r}" if differs is not None else ""
        run.bound(bound.session, bound.reason + more, bound.thread)
