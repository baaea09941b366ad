"""How the site says no.

Owns the refusal alone: how it looks on the wire is `luna.demo.envelope`.
"""

LIMIT = "You've reached the upper limit for today's usage."
WAIT = "You have reached the daily usage limit. Please wait {{num}} hours before trying again."


class Refusal(Exception):
    """What becomes `data` of an envelope with `success: false`, and the status it really means."""

    def __init__(self, code: str, details: str, status: int, **more: object) -> None:
        super().__init__(f"{code}: {details}")
        self.data: dict[str, object] = {"code": code, "details": details, **more}
        self.status = status
