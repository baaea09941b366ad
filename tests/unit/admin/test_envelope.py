"""What the control plane answers when something went wrong: a status for every kind of failure."""

import msgspec
import pytest

from luna.admin.envelope import STATUS, ErrorDocument, refusal
from luna.model.errors import Kind, LunaError


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_failure_has_a_status_of_its_own_choice(kind: Kind) -> None:
    answer = refusal(LunaError(kind, "It went wrong.", hint="Try again."))
    assert answer.status_code == STATUS[kind]
    assert 400 <= answer.status_code < 600
    assert (answer.status_code == 500) == (kind is Kind.INTERNAL), "only what nobody foresaw is luna's own fault"
    told = msgspec.json.decode(answer.body, type=ErrorDocument).error
    assert (told.kind, told.message, told.hint) == (kind.value, "It went wrong.", "Try again.")


@pytest.mark.parametrize(("seconds", "header"), [(None, None), (0.0, "1"), (2.5, "3")])
def test_when_to_come_back_is_told(seconds: float | None, header: str | None) -> None:
    answer = refusal(LunaError(Kind.OVERLOADED, "It is busy.", retry_after=seconds))
    assert (answer.status_code, answer.headers.get("retry-after")) == (503, header)
