"""`/api/flows`: rows by filter, and one flow with everything there is about it."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpcore
import msgspec
import pytest

from luna.filters.operators import OPERATORS
from luna.filters.parse import parse
from luna.model.ambient import ManualClock
from luna.state.run import RunRecord, folded, lines
from luna.state.run_archive import RunFilter
from luna.state.runs import Runs
from luna.state.store import Store
from luna.state.store.tables import runs as table
from tests.support.house import ADMIN_KEY, Running, running_luna

KEY = {"authorization": f"Bearer {ADMIN_KEY}"}
TOOL = {"type": "function", "function": {"name": "Bash", "parameters": {"type": "object", "properties": {}}}}


class Asker:
    """Asks a luna's admin API, and its models."""

    def __init__(self, luna: Running) -> None:
        self.luna = luna

    async def __call__(self, method: str, path: str, body: object = None) -> httpcore.Response:
        data = msgspec.json.encode(body) if body is not None else b""
        return await self.luna.request(method, f"/api{path}", data, KEY)

    async def get(self, path: str, status: int = 200) -> Any:
        response = await self("GET", path)
        assert response.status == status, response.content
        return msgspec.json.decode(response.content)

    async def chat(self, prompt: str, **more: object) -> str:
        """Have something answered; the flow's id."""
        body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": prompt}], **more}
        response = await self.luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
        await self.luna.settled()
        return dict(response.headers)[b"x-luna-flow"].decode()


@pytest.fixture
async def ask(tmp_path: Any) -> AsyncIterator[Asker]:
    async with running_luna(tmp_path, environ={"LUNA_RECORD": "all"}) as luna:
        yield Asker(luna)


async def test_rows_are_small_filtered_and_paged(ask: Asker) -> None:
    first = await ask.chat("Fix the parser", stream=True)
    second = await ask.chat("Say hello")
    rows = await ask.get("/flows")
    assert [row["id"] for row in rows] == [second, first]
    assert rows[1]["preview"] == "Fix the parser"
    assert (rows[1]["status"], rows[1]["stream"], rows[1]["recorded"]) == ("completed", True, True)
    assert len(msgspec.json.encode(rows[0])) < 700
    assert [row["id"] for row in await ask.get("/flows?filter=parser%20%26%20~o%20completed")] == [first]
    assert await ask.get("/flows?filter=!~x") == []
    page = await ask("GET", "/flows?limit=1")
    cursor = dict(page.headers)[b"x-next-cursor"].decode()
    assert [row["id"] for row in await ask.get(f"/flows?limit=1&before={cursor}")] == [first]
    assert await ask.get("/flows/count?filter=hello") == {"total": 1, "over": 1}
    among = await ask.get(f"/flows?ids={first},{second},flow_unknown&filter=hello")
    assert [row["id"] for row in among] == [second]


async def test_a_flow_that_goes_on_is_found_by_its_id_without_the_database(ask: Asker) -> None:
    runs = ask.luna.house.state.runs
    run = runs.begin("flow_live", model="qwen-max")
    run.running("work")
    assert [row["status"] for row in await ask.get("/flows?ids=flow_live&filter=~o%20active%20~m%20QWEN*")] == [
        "running"
    ]
    assert await ask.get("/flows?ids=flow_live&filter=~m%20other") == []
    assert (await ask.get("/flows/flow_live"))["run"]["accountId"] == "work"
    assert await ask.get("/flows/count") == {"total": 1, "over": 0}
    runs.end(run, outcome="cancelled")


async def test_a_filter_is_explained_while_it_is_written(ask: Asker) -> None:
    good = msgspec.json.decode((await ask("POST", "/flows/filter", {"filter": "~m qwen* & ~e"})).content)
    assert (good["valid"], good["explanation"]) == (True, "the model is like qwen* and there is an error")
    assert [(said["word"], said["field"], said["relation"], said["values"]) for said in good["sayings"]] == [
        ("term", "model", "like", ["qwen*"]),
        ("and", None, None, []),
        ("term", "error", "any", []),
    ]
    bad = msgspec.json.decode((await ask("POST", "/flows/filter", {"filter": "~m qwen* & ~z"})).content)
    assert (bad["valid"], bad["column"], bad["problem"]) == (False, 12, "There is no ~z")
    refused = await ask.get("/flows?filter=~z", status=400)
    assert refused["error"]["message"] == "There is no ~z at column 1."
    assert (await ask.get("/flows?ids=" + ",".join(map(str, range(201))), status=400))["error"]["param"] == "ids"
    operators = await ask.get("/flows/operators")
    assert [operator["letter"] for operator in operators] == list(OPERATORS)


async def test_a_recorded_flow_has_all_its_faces(ask: Asker) -> None:
    flow = await ask.chat("Say hello [[pace:5]] [[count:20]]", stream=True)
    told = await ask.get(f"/flows/{flow}")
    assert (told["run"]["id"], told["record"]) == (flow, "all")
    assert {"protocol.decode", "session.bind"} <= {stage["name"] for stage in told["stages"]}
    assert any(line["flow"] == flow for line in told["log"])
    recording = told["recording"]
    assert recording["client"]["line"] == "POST /v1/chat/completions"
    assert recording["answer"]["line"] == "200"
    asked = [each["request"]["line"] for each in recording["exchanges"]]
    assert any("/api/v2/chat/completions" in line for line in asked)
    sides = [stage["side"] for stage in recording["stages"]]
    assert sides == sorted(sides, key=["request", "transport", "response"].index)
    times = [stage["atMs"] for stage in recording["stages"]]
    assert times == sorted(times)
    assert 0 < times[-1] <= recording["endMs"]

    client = await ask.get(f"/flows/{flow}/face/client-request?pretty=true")
    assert client["pretty"]
    assert '"content": "Say hello [[pace' in client["text"]
    up = next(each for each in recording["exchanges"] if "chat/completions" in each["request"]["line"])
    sent = await ask.get(f"/flows/{flow}/face/{up['request']['name']}?pretty=true")
    assert "Say hello" in sent["text"]
    headers = {header["name"].lower(): header["value"] for header in up["request"]["headers"]}
    assert "<redacted:" in headers["authorization"]

    pieces = await ask.get(f"/flows/{flow}/pieces/{up['response']['name']}")
    assert len(pieces) == up["response"]["pieces"] > 1
    whole = await ask.get(f"/flows/{flow}/face/{up['response']['name']}")
    assert "".join(piece["text"] for piece in pieces) == whole["text"]
    assert [piece["number"] for piece in await ask.get(f"/flows/{flow}/pieces/client-response?after=1&limit=1")] == [2]
    got = await ask.get(f"/flows/{flow}/face/client-response")
    assert got["text"].endswith("data: [DONE]\n\n")


async def test_a_body_is_read_in_parts_that_fit_together(ask: Asker) -> None:
    prompt = "Grüße 漢字 😀 " * 40
    flow = await ask.chat(prompt)
    whole = await ask.get(f"/flows/{flow}/face/client-request")
    text = ""
    offset: int | None = 0
    while offset is not None:
        part = await ask.get(f"/flows/{flow}/face/client-request?limit=7&offset={offset}")
        text, offset = text + part["text"], part["next"]
    assert text == whole["text"]
    assert prompt in text


async def test_what_each_stage_changed(ask: Asker) -> None:
    flow = await ask.chat("Call Bash", stream=True, tools=[TOOL])
    stages = (await ask.get(f"/flows/{flow}"))["recording"]["stages"]
    changed = {stage["name"] for stage in stages if stage["changed"]}
    assert "tools.contract" in changed
    contract = await ask.get(f"/flows/{flow}/stage/tools.contract")
    assert any(change["path"].startswith("messages") for change in contract["changes"])
    untouched = next(stage["name"] for stage in stages if stage["side"] == "request" and not stage["changed"])
    if untouched != stages[0]["name"]:
        assert await ask.get(f"/flows/{flow}/stage/{untouched}") == {
            "name": untouched,
            "changes": [],
            "batches": [],
            "more": False,
        }
    transport = next(stage["name"] for stage in stages if stage["side"] == "transport")
    assert (await ask.get(f"/flows/{flow}/stage/{transport}"))["batches"][0]["n"] == 1


async def test_a_called_tool_is_known_of_the_run(ask: Asker) -> None:
    prompt = '[[say:<tool_call>{"name": "Bash", "arguments": {}}</tool_call>]]'
    flow = await ask.chat(prompt, tools=[TOOL])
    (row,) = await ask.get("/flows?filter=~t%20bash")
    assert (row["id"], row["tools"]) == (flow, ["Bash"])


@pytest.mark.parametrize(
    "path",
    [
        "face/up-9-request",
        "face/other",
        "face/up-x-request",
        "pieces/client-request",
        "stage/none",
        "face/up-0-request",
    ],
)
async def test_what_is_not_there_is_not_found(ask: Asker, path: str) -> None:
    flow = await ask.chat("hi")
    assert (await ask.get(f"/flows/{flow}/{path}", status=404))["error"]["hint"]
    assert (await ask.get(f"/flows/flow_none/{path}", status=404))["error"]["kind"] == "not-found"


async def test_a_forgotten_flow_is_gone_with_its_recording(ask: Asker) -> None:
    flows = [await ask.chat(f"number {number}") for number in range(3)]
    gone = await ask("DELETE", f"/flows/{flows[0]}")
    assert msgspec.json.decode(gone.content) == {"deleted": 1, "recordings": 1}
    assert (await ask.get(f"/flows/{flows[0]}", status=404))["error"]["kind"] == "not-found"
    assert (await ask("DELETE", f"/flows/{flows[0]}")).status == 404
    rest = await ask("DELETE", "/flows?filter=%22number%201%22")
    assert msgspec.json.decode(rest.content) == {"deleted": 1, "recordings": 1}
    assert [row["id"] for row in await ask.get("/flows")] == [flows[2]]
    everything = await ask("DELETE", "/flows")
    assert msgspec.json.decode(everything.content) == {"deleted": 1, "recordings": 1}


async def test_a_lost_recording_hides_nothing_else(ask: Asker) -> None:
    flow = await ask.chat("hi")
    folder = ask.luna.house.settings.data_dir / "recordings"
    await ask.get(f"/flows/{flow}")
    (path,) = folder.glob("*.jsonl")
    path.write_bytes(b"{}\n" + path.read_bytes())
    told = await ask.get(f"/flows/{flow}")
    assert told["recording"] is None
    assert told["recordingProblem"].startswith("The recording cannot be read: line 1")
    path.unlink()
    told = await ask.get(f"/flows/{flow}")
    assert (told["recording"], told["recordingProblem"]) == (None, "There is no recording of that flow.")
    assert told["run"]["recording"] == flow


async def test_while_it_goes_on_its_stage_is_told(ask: Asker) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask.chat, "[[pace:100]] [[count:100]]")
        with anyio.fail_after(5):
            while (
                not (rows := await ask.get("/flows?filter=~o%20active"))
                or not (told := await ask.get(f"/flows/{rows[0]['id']}"))["stage"]
            ):
                await anyio.sleep(0.02)
        assert told["stage"]
        assert told["recording"] is None
        ended = await ask("POST", f"/runs/{rows[0]['id']}/cancel", {})
        assert ended.status == 200
    assert (await ask.get(f"/flows/{rows[0]['id']}"))["run"]["status"] == "cancelled"


async def test_ten_thousand_rows_are_filtered_quickly(store: Store) -> None:
    records = [
        RunRecord(
            id=f"flow_{number:05}",
            created_at=float(number),
            status="completed",
            model=f"qwen{number % 7}",
            preview=f"Task {number}",
            preview_folded=folded(f"Task {number}"),
            tools=lines(["Bash"] if number % 100 == 0 else []),
        )
        for number in range(10_000)
    ]
    store.write(store.upsert(table), [msgspec.structs.asdict(record) for record in records])
    await store.commit()
    runs = Runs(store, ManualClock())
    begun = anyio.current_time()
    found = await runs.find(RunFilter(condition=parse('~t B*h & ~m qwen3 | "task 9999"', 0.0)), limit=50)
    assert anyio.current_time() - begun < 0.5
    assert found.records[0].id == "flow_09999"
    assert len(found.records) == 15
