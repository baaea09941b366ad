"""The table of clients in the README: every client played against a luna whose upstream is the look-alike.

Owns the luna that is started for it, the model that plays along, the table, and its place between two marks. What a
cell says was seen, not thought.
"""

import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import msgspec

from luna.config.settings import Settings, shipped_routes
from luna.demo.answers import SCRIPTS, Prompt, Script
from luna.demo.serve import Lookalike
from luna.demo.steps import Answer, Say
from luna.doctor.clients import CLIENTS, FILE
from luna.doctor.findings import Finding, sound
from luna.doctor.play import COLUMNS, Server, play
from luna.doctor.requests import BLOCK
from luna.model.ambient import Ids
from luna.server.assemble import assemble
from luna.server.embedded import embedded_server
from luna.tools.markup import call, calls
from luna.upstream.pool import PoolBackend

BEGIN = "<!-- clients: made by `luna doctor --matrix` -->"
END = "<!-- end of clients -->"
MODEL = "qwen3.7-plus"
HEADINGS = ("before the first turn", "streamed turn", "tool call", "tool result", "not streamed")
_WORD = re.compile(r"\bdoctor-[0-9a-f]{8}\b")
_TOOL = re.compile(r"with the tool (\w+), then answer with the word")


def table(played: Sequence[tuple[str, str, Sequence[Finding]]]) -> str:
    """In Markdown, from (title, protocol, findings) of each client. `–`: the client asks nothing of the sort."""
    rows = [f"| client | speaks | {' | '.join(HEADINGS)} |", f"|---|---|{'---|' * len(HEADINGS)}"]
    for title, protocol, findings in played:
        cells = [_cell([finding for finding in findings if finding.column == column]) for column in COLUMNS]
        rows.append(f"| {title} | {protocol} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(findings: Sequence[Finding]) -> str:
    if not findings:
        return "–"
    wrong = [finding for finding in findings if finding.verdict != "ok"]
    return "; ".join(f"**{finding.name}**" for finding in wrong) if wrong else "✓"


def put(text: str, made: str) -> str:
    """The text with that table between the marks. Raises ValueError where they are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"it has no place for the table, between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


async def make() -> tuple[str, bool]:
    """Play everything; the table, and whether nothing failed. Raises what a luna that cannot start raises."""
    ids, played = Ids(b"doctor"), []
    async with _luna() as url:
        backend = PoolBackend()
        try:
            for client in CLIENTS:
                findings = await play(client, Server(backend, url, MODEL), ids)
                played.append((client.title, client.path.partition("?")[0], findings))
        finally:
            await backend.aclose()
    return table(played), all(sound(findings) for *_, findings in played)


@asynccontextmanager
async def _luna() -> AsyncIterator[str]:
    """A luna with the shipped configuration, for itself: its address."""
    with TemporaryDirectory(prefix="luna-doctor-") as folder:
        async with Lookalike(scripts=(Script("doctor", _matches, _answer), *SCRIPTS)) as lookalike:
            login, port = lookalike.login("doctor"), _free_port()
            environ = {
                "LUNA_PORT": str(port),
                "LUNA_DATA_DIR": str(Path(folder) / "data"),
                "LUNA_ROUTES": str(shipped_routes()),
                "LUNA_STAGES": "none",
                "LUNA_QWEN_BASE_URL": lookalike.url,
                "LUNA_QWEN_AUTH_URL": lookalike.url,
                "QWEN_AI_TOKEN": login.token,
                "QWEN_AI_COOKIES": login.cookie_header,
            }
            async with (
                assemble(Settings.from_environment(environ=environ)) as house,
                anyio.create_task_group() as tasks,
            ):
                server = embedded_server(house.app, "127.0.0.1", port)
                tasks.start_soon(server.serve)
                await _listening(port)
                try:
                    yield f"http://127.0.0.1:{port}"
                finally:
                    with anyio.CancelScope(shield=True):
                        await house.live.drain(grace=5)
                        house.hang_up()
                        server.stop()  # type: ignore[no-untyped-call]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _listening(port: int) -> None:
    with anyio.fail_after(30):
        while True:
            try:
                await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
            except OSError:
                await anyio.sleep(0.005)
            else:
                return


# The model: it calls the tool that the task names, and says the word that the result holds


def _matches(prompt: Prompt) -> bool:
    said = "\n".join(prompt.everything)
    return FILE in said or BLOCK in said


def _answer(prompt: Prompt) -> Answer:
    said = "\n".join(prompt.everything)
    if FILE not in said:
        return Answer((Say(BLOCK),))
    if found := _WORD.findall(prompt.text):
        return Answer((Say(str(found[-1])),))
    name = str(_TOOL.findall(said)[-1])
    same = [tool for client in CLIENTS for tool in client.tools if tool.name == name]
    # Two clients may have a tool of one name; the contract shows whose parameters are meant.
    tool = next(tool for tool in same if all(f"{parameter}: " in said for parameter in tool.properties))
    return Answer((Say(calls([call(name, msgspec.json.encode(dict(tool.arguments)).decode())])),))
