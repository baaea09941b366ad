"""`schedule`: an account for the rest of the flow.

Owns the lease: which account is asked for, how long it is held, what the account is told of the outcome. Which
one is given belongs to `luna.state.accounts`.
"""

from luna.core.flow import Flow
from luna.core.notes import Key
from luna.core.stage import AroundStage, Proceed
from luna.model.errors import LunaError
from luna.model.events import Stream
from luna.state.accounts import Accounts
from luna.state.lease import Lease
from luna.state.turns import Turns

LEASE: Key[Lease] = Key("lease")
"""The account that the flow holds, for the stages behind this one."""


class Schedule(AroundStage):
    """Takes an account (the one that the client names, else the one whose chat is continued, else the least busy)
    and gives it back when the flow is over. An account that Qwen limits, blocks or logs out is left alone."""

    use = "schedule"
    needs_chat = True

    async def around(self, flow: Flow, proceed: Proceed) -> Stream:
        accounts = flow.services[Accounts]
        async with accounts.lease(_preferred(flow, accounts)) as lease:
            flow.notes[LEASE] = lease
            told = False
            try:
                async for batch in proceed(flow):
                    if not told:
                        lease.succeeded()
                        told = True
                    yield batch
            except LunaError as error:
                lease.failed(error)
                raise
            finally:
                flow.notes.pop(LEASE)


def _preferred(flow: Flow, accounts: Accounts) -> str:
    binding = flow.chat.binding
    if binding.account or not binding.chat:
        return binding.account
    place = flow.services[Turns].find(binding.chat)
    return place.account if place is not None and accounts.find(place.account) is not None else ""
