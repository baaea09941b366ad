"""`chaos`: things go wrong on purpose, as they really have.

Owns the options, the choice (drawn from the flow's own seed, so that a replay draws the same) and that everybody is
told: the log, the figures, the header `x-luna-chaos`, a notice in the recording, the error's hint. What goes wrong is
`luna.qwen.chaos`'s, where it goes wrong `luna.upstream.chaos`'s: on the exchange itself, so that all that luna does
about the real thing happens. Only one thing does not: no account is blamed.
"""

import hashlib
import logging
import re
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from luna.core.flow import Flow
from luna.core.notes import CLIENT, Key
from luna.core.stage import AroundStage, BuildContext, Proceed, StageOptions
from luna.filters.parse import parse
from luna.filters.predicate import holds
from luna.filters.scan import FilterError
from luna.filters.text import folded
from luna.model.chat import Text
from luna.model.errors import Kind, LunaError, OptionError
from luna.model.events import Notice, Stream
from luna.model.values import Duration
from luna.qwen.chaos import COMPLETIONS, FAULTS, FaultName
from luna.stages.schedule import LEASE
from luna.stages.session_bind import BOUND
from luna.state.lease import CHAOS
from luna.state.metrics import Metrics
from luna.state.run import RunRecord, lines
from luna.upstream.chaos import MARK, PLAN, Plan
from luna.upstream.exchange import OutRequest

log = logging.getLogger("luna.stages.chaos")

_TOOL = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LOOKED_AT = 20_000
"""Characters of what the user said last that a filter sees."""


class ChaosOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `chaos`."""

    faults: Annotated[
        tuple[FaultName, ...],
        Meta(min_length=1, description="What may go wrong; of several, one is drawn for each request."),
    ]
    probability: Annotated[
        float, Meta(ge=0, le=1, description="To what part of the requests it happens, of those that the filter wants.")
    ] = 1.0
    filter: Annotated[
        str,
        Meta(
            description='Which requests, in the language of the Flows page: `~m qwen* & ~q "fix"`. Only what is known'
            " of a request that begins counts; `~t` is a tool that the client offers. Empty: all."
        ),
    ] = ""
    times: Annotated[
        int,
        Meta(
            ge=0,
            le=1000,
            description="How often it happens to one request: what luna tries after that goes well. 0: always.",
        ),
    ] = 1
    silence: Annotated[Duration, Meta(description="How long `silence` lasts.")] = msgspec.field(
        default_factory=lambda: Duration(90.0)
    )


_PLAN: Key[Plan | None] = Key("chaos.plan")


class Chaos(AroundStage):
    """Has recorded faults happen to some requests, to try what a client, and luna, make of them. Stands between
    `schedule` and `qwen`. Not for pipelines that people work with."""

    use = "chaos"
    needs_chat = True
    Options: ClassVar[type[StageOptions]] = ChaosOptions

    def __init__(self, options: ChaosOptions, context: BuildContext) -> None:
        """Raises OptionError for a filter that cannot be understood."""
        super().__init__(options, context)
        self.options = options
        try:
            parse(options.filter, 0.0)
        except FilterError as error:
            raise OptionError("filter", error.told) from None

    async def around(self, flow: Flow, proceed: Proceed) -> Stream:
        if flow.notes.get(LEASE) is None:
            raise LunaError(
                Kind.INTERNAL, "The chaos stage holds no account.", hint="Put `chaos` between `schedule` and `qwen`."
            )
        plan = self._plan(flow)
        if plan is None:
            async for batch in proceed(flow):
                yield batch
            return
        before, untold = plan.injected, True
        PLAN.set(plan)
        try:
            async for batch in proceed(flow):
                if untold and plan.injected > before:
                    batch = [*batch[:1], Notice("chaos", plan.name), *batch[1:]]
                untold = False
                yield batch
        except LunaError as error:
            if plan.injected > before:
                _mark(error, plan.name)
            raise
        finally:
            PLAN.set(None)

    def _plan(self, flow: Flow) -> Plan | None:
        """The same for all attempts at one request."""
        known = flow.notes.get(_PLAN)
        if known is not None:
            return known
        options = self.options
        drawn = hashlib.blake2b(b"chaos", key=flow.ids.seed, digest_size=16).digest()
        if int.from_bytes(drawn[:8], "big") / 2**64 >= options.probability:
            return None
        if not holds(parse(options.filter, flow.born), _facts(flow)):
            return None
        name = options.faults[int.from_bytes(drawn[8:], "big") % len(options.faults)]
        tool = next((tool.name for tool in flow.chat.tools if _TOOL.fullmatch(tool.name)), "Read")
        plan = Plan(name, FAULTS[name](options.silence, tool), COMPLETIONS, options.times)

        def told(name: str, request: OutRequest | None) -> None:
            _tell(flow, name, live=request is not None)

        plan.told = told
        flow.notes[_PLAN] = plan
        return plan


def _tell(flow: Flow, name: str, *, live: bool) -> None:
    flow.headers[MARK] = name
    if not live:
        return
    log.warning("flow %s: chaos: '%s' is made to happen", flow.id, name, extra={"flow": flow.id})
    metrics = flow.services.get(Metrics)
    if metrics is not None:
        metrics.chaos.add(name)


def _mark(error: LunaError, name: str) -> None:
    error.detail[CHAOS] = name
    error.hint = f"{error.hint} This was made to happen: the chaos stage, '{name}'.".strip()


def _facts(flow: Flow) -> RunRecord:
    """What is known of the request as it begins."""
    chat, bound, lease = flow.chat, flow.notes.get(BOUND), flow.notes[LEASE]
    said = next((message for message in reversed(flow.asked) if message.role == "user"), None)
    words = "\n".join(part.text for part in said.parts if isinstance(part, Text)) if said is not None else ""
    return RunRecord(
        id=flow.id,
        status="running",
        created_at=flow.born,
        model=chat.model,
        target=chat.target,
        account_id=lease.account.id,
        session_id=bound.session if bound is not None else "",
        client=flow.notes.get(CLIENT) or "",
        agent=flow.client.header("user-agent"),
        route=flow.route.name,
        protocol=flow.dialect.name,
        tools=lines(tool.name for tool in chat.tools),
        preview_folded=folded(words[:_LOOKED_AT]),
        recording=flow.id if flow.route.record == "all" else "",
    )
