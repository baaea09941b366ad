"""In which order stages may stand, and what a pipeline must have.

    request*  around*  transport  response*  encode        or        request*  answer

Owns the sides and their rules, and the rule that the request is decoded before anybody reads it. Pure.
"""

import itertools
from collections.abc import Mapping, Sequence

import msgspec

from luna.config.diagnostics import Place, Report
from luna.core.stage import AnswerStage, AroundStage, EncodeStage, RequestStage, ResponseStage, Stage, TransportStage

SIDES: Mapping[type[Stage], str] = {
    RequestStage: "request",
    AroundStage: "around",
    TransportStage: "transport",
    AnswerStage: "answer",
    ResponseStage: "response",
    EncodeStage: "encode",
}
_RANK = {"request": 0, "around": 1, "transport": 2, "answer": 2, "response": 3, "encode": 4}


def side_of(kind: type[Stage]) -> str | None:
    """Which side a stage works on, or None when its class does not say clearly."""
    sides = [side for base, side in SIDES.items() if issubclass(kind, base)]
    return sides[0] if len(sides) == 1 else None


class Standing(msgspec.Struct, frozen=True):
    """A stage as far as the order is concerned."""

    name: str
    place: Place
    kind: type[Stage]

    @property
    def side(self) -> str:
        """One of the values of `SIDES`."""
        return side_of(self.kind) or ""


def check_order(pipeline: str, place: Place, stages: Sequence[Standing], report: Report) -> None:
    """Report what is out of order or missing. `place` is where the list begins, for what is missing."""
    _check_far_end(pipeline, place, stages, report)
    for upper, lower in itertools.pairwise(stages):
        if _RANK[lower.side] < _RANK[upper.side]:
            report.error(
                lower.place,
                f"'{lower.name}' works on the {lower.side} side and must stand above '{upper.name}' ({upper.side})",
                "the order is: request, around, transport, response, encode",
            )
    _check_decoded(stages, report)


def _check_far_end(pipeline: str, place: Place, stages: Sequence[Standing], report: Report) -> None:
    ends = [stage for stage in stages if stage.side in ("transport", "answer")]
    if not ends:
        report.error(place, f"pipeline '{pipeline}' has no far end", "add one transport or answer stage")
        return
    for stage in ends[1:]:
        report.error(stage.place, f"'{stage.name}' is a second far end", f"'{ends[0].name}' is one already")
    if ends[0].side == "answer":
        for stage in stages:
            if stage.side in ("around", "response", "encode"):
                message = f"'{stage.name}' ({stage.side}) has nothing to do here"
                report.error(stage.place, message, f"'{ends[0].name}' answers with a document: leave it out")
        return
    encodes = [stage for stage in stages if stage.side == "encode"]
    if not encodes:
        hint = "end it with an encode stage, like 'protocol.encode'"
        report.error(place, f"nothing encodes the answer of pipeline '{pipeline}'", hint)
    for stage in encodes[1:]:
        report.error(stage.place, f"'{stage.name}' encodes a second time", f"'{encodes[0].name}' does already")


def _check_decoded(stages: Sequence[Standing], report: Report) -> None:
    for stage in stages:
        if stage.kind.needs_chat or stage.side == "transport":
            message = f"'{stage.name}' reads the request before anything has decoded it"
            report.error(stage.place, message, "put a stage that decodes above it, like 'protocol.decode'")
            return
        if stage.kind.gives_chat:
            return
