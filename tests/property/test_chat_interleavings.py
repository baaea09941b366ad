"""Whatever happens to luna's chats, and in whatever order: nobody else's chat is touched, and none of luna's is lost
sight of.

Flows make chats, use them, are cancelled or break at every point; the process crashes and begins again; answers of the
site are lost before or after they took effect; people sweep, delete by id, change the policy. The site refuses (in
`ChatSite`) to hear of a deletion without an id."""

import tempfile
from pathlib import Path

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.model.errors import Kind, LunaError
from luna.model.preferences import ChatCleanup, ScheduledCleanup
from luna.state.chat_rows import ENDED, Planned
from luna.state.store import Store
from tests.support.chat_site import ChatHouse

CUT = LunaError(Kind.UPSTREAM_BROKEN, "The connection broke.", detail={"phase": "body"})
POLICIES = [
    ChatCleanup(),
    ChatCleanup(enabled=True, after_response=True),
    ChatCleanup(enabled=True, after_idle_minutes=5),
    ChatCleanup(enabled=True, scheduled=ScheduledCleanup(enabled=True, interval_hours=0.5, max_age_hours=0.1)),
]
EVERYTHING = ChatCleanup(enabled=True, after_idle_minutes=1)
TIMES = (1, 5, 30, 61, 400, 700, 4_000, 90_000)


class World:
    """A luna, a site, and what flows have in hand. `number` chooses among what there is."""

    def __init__(self, store: Store) -> None:
        self.house = ChatHouse(store, accounts=("a", "b"))
        self.planned: list[Planned] = []
        self.made: list[tuple[Planned, str]] = []
        self.noted: list[str] = []
        self.own: dict[str, str] = {}
        """What people made for themselves: the title by the id."""
        self.add_own("a", "My own")
        self.add_own("b", "My own")

    def add_own(self, account: str, title: str) -> None:
        self.own[self.house.site.add(account, title).id] = title

    # What flows do

    async def plan(self, number: int) -> None:
        purpose = "main" if number < 6 else "try"
        self.planned.append(await self.house.ledger.plan("ab"[number % 2], purpose=purpose, run="f"))

    async def make(self, number: int) -> None:
        if not self.planned:
            return
        planned = self.planned.pop(number % len(self.planned))
        if planned.account not in self.house.accounts or not self.house.ledger.underway(planned.id):
            return  # no call to Qwen lasts that long
        if number > 5:
            (self.house.site.before if number == 6 else self.house.site.after).append(CUT)
        try:
            chat_id = await self.house.client(planned.account).create_chat("m", planned.title)
        except LunaError as error:
            self.house.ledger.failed(planned, error)
        else:
            self.made.append((planned, chat_id))

    async def note(self, number: int) -> None:
        if self.made:
            planned, chat_id = self.made.pop(number % len(self.made))
            self.house.ledger.created(planned, chat_id)
            self.noted.append(chat_id)

    async def fail(self, number: int) -> None:
        if self.planned:
            self.house.ledger.failed(self.planned.pop(number % len(self.planned)))

    async def give_up(self, number: int) -> None:
        if self.planned:
            self.house.ledger.abandoned(self.planned.pop(number % len(self.planned)))

    async def use(self, number: int) -> None:
        for chat_id in self.one_noted(number):
            self.house.ledger.used(chat_id)
            if chat_id in self.house.site.chats:
                self.house.site.chats[chat_id].messages.append("Hi")

    async def respond(self, number: int) -> None:
        for chat_id in [*self.one_noted(number), *self.one_own(number)]:
            self.house.ledger.after_response(chat_id)

    async def generate(self, number: int) -> None:
        self.house.generating ^= set(self.one_noted(number))

    async def lose(self, number: int) -> None:
        for chat_id in [*self.one_noted(number), *self.one_own(number)]:
            self.house.ledger.lost(chat_id)
            if chat_id not in self.own:
                self.house.site.chats.pop(chat_id, None)

    async def discard(self, number: int) -> None:
        for chat_id in [*self.one_noted(number), *self.one_own(number)]:
            await self.house.ledger.discard(chat_id)

    # What people do

    async def make_own(self, number: int) -> None:
        self.add_own("ab"[number % 2], "Another")

    async def make_own_alike(self, number: int) -> None:
        for planned in self.planned[-1:]:
            self.add_own("b" if planned.account == "a" else "a", planned.title)
            self.add_own(planned.account, f"What is {planned.title}?")

    async def delete(self, number: int) -> None:
        for name in [*self.one_noted(number), *self.one_own(number)]:
            try:
                await self.house.desk.delete(name)
            except LunaError as error:
                assert name not in self.own or error.kind is Kind.NOT_FOUND

    async def sweep(self, number: int) -> None:
        await self.house.desk.sweep(dry_run=number % 2 == 0, max_age_hours=number / 10, limit=3)

    async def change_policy(self, number: int) -> None:
        self.house.obey(POLICIES[number % len(POLICIES)])

    # What the world does

    async def cut_before(self, number: int) -> None:
        self.house.site.before.append(CUT)

    async def cut_after(self, number: int) -> None:
        self.house.site.after.append(CUT)

    async def rest_account(self, number: int) -> None:
        for account in [self.house.accounts.get("ab"[number % 2])]:
            if account is not None:
                account.failed(LunaError(Kind.RATE_LIMITED, "Wait.", retry_after=500.0))

    async def move_account(self, number: int) -> None:
        name = "ab"[number % 2]
        if self.house.accounts.pop(name, None) is None:
            self.house.add_account(name)

    async def crash(self, number: int) -> None:
        await self.house.restart()
        self.planned.clear()
        self.made.clear()
        self.house.generating.clear()

    async def pass_time(self, number: int) -> None:
        self.house.clock.advance(TIMES[number])
        await self.house.cleanup.step()

    async def step(self, number: int) -> None:
        await self.house.cleanup.step()

    # What holds

    def one_noted(self, number: int) -> list[str]:
        return [self.noted[number % len(self.noted)]] if self.noted else []

    def one_own(self, number: int) -> list[str]:
        return [list(self.own)[number % len(self.own)]]

    def check(self) -> None:
        """Nothing that a person made was touched."""
        site = self.house.site
        assert {id: site.chats[id].title for id in self.own if id in site.chats} == self.own
        named = {call.partition(" ")[2] for call in site.calls if not call.startswith("list")}
        assert not named & self.own.keys(), "nor even looked into"
        assert min(self.house.ledger.counts().values()) >= 0

    async def end(self) -> None:
        """The process begins again, all works, and the policy is to keep nothing: then nothing of luna's is left."""
        house = self.house
        house.add_account("a")
        house.add_account("b")
        house.site.before.clear()
        house.site.after.clear()
        house.generating.clear()
        await house.restart()
        house.obey(EVERYTHING)
        for _ in range(3):
            await house.leap(4_000)
        await house.desk.sweep(max_age_hours=0, limit=500)
        self.check()
        assert set(house.site.chats) == set(self.own)
        rows = await house.desk.page(limit=1_000)
        assert {row.state for row in rows} <= ENDED
        assert not {row.chat for row in rows} & self.own.keys()
        assert sum((await house.counted()).values()) == len(rows)
        assert house.ledger.made == sum(bool(row.chat) for row in rows)


OFTEN = ["plan", "make", "note", "use", "pass_time"]
DEEDS = [
    *OFTEN,
    *OFTEN,
    *["fail", "give_up", "respond", "generate", "lose", "discard"],
    *["make_own", "make_own_alike", "delete", "sweep", "change_policy"],
    *["cut_before", "cut_after", "rest_account", "move_account", "crash", "step"],
]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 7)), min_size=5, max_size=40))
def test_nobody_else_s_chat_is_ever_touched_and_none_of_luna_s_is_forgotten(deeds: list[tuple[str, int]]) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as directory:
            async with Store.opened(Path(directory)) as store:
                world = World(store)
                for deed, number in deeds:
                    await getattr(world, deed)(number)
                    world.check()
                await world.end()

    anyio.run(play)
