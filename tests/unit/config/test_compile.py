"""What a sound configuration becomes: routes, pipelines, options, variants, local stages, and a digest of all of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.config.compile import compile_files
from luna.config.files import File, Files, read_files
from luna.core.routing import RequestFacts
from luna.core.snapshot import Pipeline, Snapshot
from luna.model.dialect import Facts
from tests.unit.config.shop import CHAT, ROUTES, SOUND, Far, Shop, compiled, said, write

POST = RequestFacts("POST", "/v1/chat/completions", (("x-team", "red"),), 100)


def snapshot(base: Path, files: dict[str, str | bytes], environ: dict[str, str] | None = None) -> Snapshot:
    """The snapshot of files that must be sound."""
    outcome = compiled(base, {**SOUND, **files}, environ)
    assert outcome.snapshot is not None, said(outcome)
    return outcome.snapshot


def far(pipeline: Pipeline) -> Far:
    """The transport of a pipeline."""
    stage = pipeline.far_end[1]
    assert isinstance(stage, Far)
    return stage


def test_the_smallest_configuration(tmp_path: Path) -> None:
    made = snapshot(tmp_path, {})
    assert [route.name for route in made.routes] == ["all"]
    assert repr(made.pipelines["chat"]) == "<Pipeline chat: decode ▸ far ▸ encode>"
    assert made.routes[0].pipeline is made.pipelines["chat"]
    assert made.routes[0].record == "errors"
    assert made.files == ("routes.yaml", "pipelines/chat.yaml")
    assert made.warnings == ()


def test_conditions_become_a_matcher(tmp_path: Path) -> None:
    made = snapshot(
        tmp_path,
        {
            "routes.yaml": """\
version: 1
routes:
  - name: all
    match:
      method: [get, Post]
      path: /v1/*
      model: "qwen*"
      header: {X-Team: [red, blue]}
      tools: {any: Bash, all: [Read, "Write*"], none: [web_*]}
      stream: true
      size: {min: 1KiB, max: 5MB}
    pipeline: chat
  - {name: tools, match: {tools: [a, b]}, pipeline: chat}
"""
        },
    )
    assert [route.matcher.describe() for route in made.routes] == [
        (
            "method is GET or POST; path is /v1/*; model is qwen*; header x-team is red or blue; a tool is Bash; "
            "a tool is Read; a tool is Write*; no tool is web_*; stream is true; body has at least 1024 bytes; "
            "body has at most 5000000 bytes"
        ),
        "a tool is a or b",
    ]
    request = RequestFacts("POST", "/v1/chat/completions", (("x-team", "red"),), 2000)
    route = made.route_for(request, Facts("qwen3", stream=True, tools=("Bash", "Read", "Write_file")))
    assert route is made.routes[0]
    assert made.route_for(request, Facts("qwen3", stream=True, tools=("Bash", "Read"))) is None


def test_aliases_apply_in_the_order_of_the_file(tmp_path: Path) -> None:
    aliases = 'aliases:\n  - {model: gpt-4, as: exact}\n  - {model: ["gpt-*", o1], as: rest}\n'
    made = snapshot(tmp_path, {"routes.yaml": ROUTES + aliases})
    assert [made.target_of(name) for name in ("gpt-4", "gpt-4o", "o1", "qwen3")] == ["exact", "rest", "rest", "qwen3"]


def test_aliases_may_all_be_commented_out(tmp_path: Path) -> None:
    assert snapshot(tmp_path, {"routes.yaml": ROUTES + "aliases:\n  # - {model: a, as: b}\n"}).aliases == ()


@pytest.mark.parametrize(
    ("top", "own", "override", "expected"),
    [
        ("", "", None, "errors"),
        ("record: all\n", "", None, "all"),
        ("record: all\n", ", record: off", None, "off"),
        ("record: all\n", ", record: off", "errors", "errors"),
    ],
)
def test_the_nearest_word_on_recording_counts(
    tmp_path: Path, top: str, own: str, override: str | None, expected: str
) -> None:
    routes = f"version: 1\n{top}routes:\n  - {{name: all, pipeline: chat{own}}}\n"
    files = read_files(write(tmp_path, {**SOUND, "routes.yaml": routes}))
    made = compile_files(files, Shop(), {}, override).snapshot  # type: ignore[arg-type]
    assert made is not None
    assert made.routes[0].record == expected


def test_options_reach_the_stage_and_defaults_are_shown(tmp_path: Path) -> None:
    pipeline = CHAT.replace("  - use: far\n", "  - use: far\n    idle: 1m30s\n    names: [a]\n    limits: {x: 1}\n")
    made = snapshot(tmp_path, {"pipelines/chat.yaml": pipeline})
    options = far(made.pipelines["chat"]).options
    assert (options.idle, options.names, options.mode, options.limits) == (90.0, ("a",), "auto", {"x": 1})
    assert made.pipelines["chat"].stages[1].options == {
        "mode": "auto",
        "idle": "1m30s",
        "attempts": None,
        "names": ["a"],
        "rules": [],
        "prompt": "",
        "limits": {"x": 1},
    }


def test_a_route_may_override_options(tmp_path: Path) -> None:
    routes = """\
version: 1
routes:
  - {name: slow, match: {model: slow}, pipeline: chat, with: {far: {mode: slow, idle: 5m}}}
  - {name: all, pipeline: chat}
"""
    pipeline = CHAT.replace("  - use: far\n", "  - use: far\n    mode: fast\n    attempts: 4\n")
    made = snapshot(tmp_path, {"routes.yaml": routes, "pipelines/chat.yaml": pipeline})
    slow, rest = made.routes
    assert (far(slow.pipeline).options.mode, far(slow.pipeline).options.attempts) == ("slow", 4)
    assert slow.pipeline.stages[1].options["idle"] == "5m"
    assert far(rest.pipeline).options.mode == "fast"
    assert rest.pipeline is made.pipelines["chat"]
    assert slow.pipeline.stages[0] is rest.pipeline.stages[0]


def test_a_route_may_break_a_pipeline_only_for_itself(tmp_path: Path) -> None:
    routes = "version: 1\nroutes:\n  - name: one\n    pipeline: chat\n    with:\n      far: {attempts: 1}\n"
    pipeline = CHAT.replace("  - use: far\n", "  - use: far\n    mode: slow\n")
    outcome = compiled(tmp_path, {"routes.yaml": routes, "pipelines/chat.yaml": pipeline})
    assert said(outcome) == ["routes.yaml:6:12: one attempt is too few when it is slow"]


def test_a_stage_may_be_used_twice_under_two_names(tmp_path: Path) -> None:
    pipeline = "version: 1\nstages:\n  - {use: door, name: a}\n  - {use: door, name: b}\n" + CHAT[18:]
    made = snapshot(tmp_path, {"pipelines/chat.yaml": pipeline})
    assert [bound.name for bound in made.pipelines["chat"].stages] == ["a", "b", "decode", "far", "encode"]


def test_an_answering_pipeline_needs_no_decoding(tmp_path: Path) -> None:
    made = snapshot(
        tmp_path, {"pipelines/chat.yaml": "version: 1\nstages:\n  - use: door\n  - {use: local, folder: x}\n"}
    )
    assert made.pipelines["chat"].far_end[0] == "local"


def test_prompts_reach_the_stages(tmp_path: Path) -> None:
    pipeline = CHAT.replace("  - use: far\n", "  - use: far\n    prompt: far/hello\n")
    prompt = "---\nvariables: [name]\n---\nHello {{ name }}!\n"
    made = snapshot(tmp_path, {"pipelines/chat.yaml": pipeline, "prompts/far/hello.md": prompt})
    assert made.prompts.names() == ("far/hello",)
    assert "prompts/far/hello.md" in made.files


def test_a_prompt_that_is_broken_is_reported_once(tmp_path: Path) -> None:
    pipeline = CHAT.replace("  - use: far\n", "  - use: far\n    prompt: hello\n")
    outcome = compiled(tmp_path, {**SOUND, "pipelines/chat.yaml": pipeline, "prompts/hello.md": "---\nabout: x\n"})
    assert said(outcome) == ["prompts/hello.md:1:1: the front matter has no end — close it with a line of '---'"]


LOCAL = """\
from luna.core.stage import RequestStage, StageOptions

class Options(StageOptions, frozen=True, kw_only=True):
    word: str = "{word}"

class Mine(RequestStage):
    Options = Options

    def __init__(self, options, context):
        self.word = options.word

    def request(self, flow):
        return None
"""


def test_a_local_file_works_as_a_stage(tmp_path: Path) -> None:
    pipeline = CHAT.replace("stages:\n", "stages:\n  - use: ./mine.py:Mine\n    word: b\n")
    files = {"pipelines/chat.yaml": pipeline, "pipelines/mine.py": LOCAL.format(word="a")}
    made = snapshot(tmp_path, {**files})
    bound = made.pipelines["chat"].stages[0]
    assert bound.name == "mine"
    assert bound.options == {"word": "b"}
    assert repr(bound.stage) == "<stage ./mine.py:Mine>"
    assert made.files == ("routes.yaml", "pipelines/chat.yaml", "pipelines/mine.py")


def test_a_local_file_is_found_from_the_pipeline(tmp_path: Path) -> None:
    pipeline = CHAT.replace("stages:\n", "stages:\n  - use: ../../own/mine.py:Mine\n    wrod: b\n")
    files = {"conf/routes.yaml": ROUTES, "conf/pipelines/chat.yaml": pipeline, "own/mine.py": LOCAL.format(word="a")}
    write(tmp_path, {**files})
    outcome = compile_files(read_files(tmp_path / "conf/routes.yaml"), Shop(), {})
    assert said(outcome) == [
        "pipelines/chat.yaml:4:5: stage 'mine' has no option 'wrod' — did you mean 'word'?",
    ]
    assert outcome.local == ((tmp_path / "own/mine.py").resolve(),)


def test_local_files_can_be_switched_off(tmp_path: Path) -> None:
    pipeline = CHAT.replace("stages:\n", "stages:\n  - use: ./mine.py:Mine\n")
    files = {**SOUND, "pipelines/chat.yaml": pipeline, "pipelines/mine.py": LOCAL.format(word="a")}
    outcome = compile_files(read_files(write(tmp_path, {**files})), Shop(third_party=False), {})
    assert said(outcome) == [
        "pipelines/chat.yaml:3:10: local stage files are switched off (LUNA_STAGES=none)",
    ]


def test_the_digest_covers_every_file(tmp_path: Path) -> None:
    pipeline = CHAT.replace("stages:\n", "stages:\n  - use: ./mine.py:Mine\n")
    files: dict[str, str | bytes] = {
        **SOUND,
        "pipelines/chat.yaml": pipeline,
        "pipelines/mine.py": LOCAL.format(word="a"),
        "pipelines/unused.yml": CHAT,
        "prompts/a.md": "a",
    }
    first = snapshot(tmp_path, files).digest
    seen = {first}
    for name, content in files.items():
        assert isinstance(content, str)
        seen.add(snapshot(tmp_path, {**files, name: content + "\n"}).digest)
    assert len(seen) == len(files) + 1
    assert snapshot(tmp_path, files).digest == first


def test_names_and_contents_cannot_be_confused_in_the_digest(tmp_path: Path) -> None:
    first = snapshot(tmp_path / "a", {"prompts/a.md": "b", "prompts/c.md": ""}).digest
    second = snapshot(tmp_path / "b", {"prompts/a.md": "", "prompts/c.md": "b"}).digest
    assert first != second


SECRETS = {"MODE": "hush-hush", "N": "seven-11", "P": "pssst", "IDLE": "90 parsecs", "NAMES": "prompt"}


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("mode: ${MODE}", "5:11: 'mode': the value (from ${MODE}) is not one of: fast, slow, auto"),
        ("attempts: ${N}", "5:15: 'attempts': expected a whole number, got text (from ${N})"),
        ("idle: ${IDLE}", "5:11: 'idle': the value (from ${IDLE}) cannot be used here"),
        ("prompt: ${P}", "5:13: 'prompt': the value (from ${P}) is not accepted"),
        ("names: ['${NAMES}']", "4:10: 'prompt': does not go with ${NAMES} and "),
        ("names: ['${NAMES}']\n    prompt: there", "6:13: 'prompt': there is no ${NAMES} 'there' (have: none)"),
        ("names: [boom, '${P}']", "4:10: stage 'far' cannot be built: RuntimeError: no use for ('boom', ${P})"),
        ("name: ${P}", "5:11: 'name' cannot come from the environment — write it out"),
    ],
)
def test_what_came_from_the_environment_is_never_repeated(tmp_path: Path, option: str, expected: str) -> None:
    pipeline = CHAT.replace("  - use: far\n", f"  - use: far\n    {option}\n")
    outcome = compiled(tmp_path, {**SOUND, "pipelines/chat.yaml": pipeline}, SECRETS)
    assert said(outcome) == [f"pipelines/chat.yaml:{expected}"]


def test_names_and_header_patterns_do_not_come_from_the_environment(tmp_path: Path) -> None:
    routes = """\
version: 1
routes:
  - name: ${P}
    match: {path: "/${MODE}", header: {x-key: ["${P}", a]}}
    pipeline: ${N}
"""
    outcome = compiled(tmp_path, {**SOUND, "routes.yaml": routes}, SECRETS)
    assert [str(error) for error in outcome.errors] == [
        "routes.yaml:3:11: 'name' cannot come from the environment — write it out",
        "routes.yaml:4:48: 'header' cannot come from the environment — write it out",
        "routes.yaml:5:15: 'pipeline' cannot come from the environment — write it out",
    ]
    used = compiled(tmp_path, {**SOUND, "pipelines/chat.yaml": CHAT.replace("use: far", "use: ${P}")}, SECRETS)
    assert said(used) == ["pipelines/chat.yaml:4:10: 'use' cannot come from the environment — write it out"]


def test_a_path_may_come_from_the_environment(tmp_path: Path) -> None:
    routes = "version: 1\nroutes:\n  - {name: a, match: {path: '${PREFIX:-/v1}/*'}, pipeline: chat}\n"
    made = snapshot(tmp_path, {"routes.yaml": routes})
    assert made.routes[0].matcher.describe() == "path is /v1/*"


def test_the_inspector_sees_references_not_values(tmp_path: Path) -> None:
    pipeline = CHAT.replace("  - use: far\n", '  - use: far\n    names: ["${P}", plain]\n')
    made = snapshot(tmp_path, {"pipelines/chat.yaml": pipeline}, SECRETS)
    assert far(made.pipelines["chat"]).options.names == ("pssst", "plain")
    assert made.pipelines["chat"].stages[1].options["names"] == ["${P}", "plain"]


def test_readmes_and_hidden_files_are_no_part_of_it(tmp_path: Path) -> None:
    extra: dict[str, str | bytes] = {
        "prompts/README.md": "{{ x }}",
        "prompts/.draft.md": "{{ x }}",
        "pipelines/.chat.yaml": "[",
        "pipelines/chat.yaml~": "[",
        "pipelines/notes.txt": "[",
        "prompts/.git/a.md": "{{ x }}",
    }
    assert snapshot(tmp_path, extra).files == ("routes.yaml", "pipelines/chat.yaml")


@settings(max_examples=60, deadline=None)
@given(
    routes=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: ROUTES + text).map(str.encode),
    pipeline=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: CHAT + "    " + text).map(str.encode),
    prompt=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: "---\n" + text).map(str.encode),
)
def test_no_bytes_in_any_file_raise(routes: bytes, pipeline: bytes, prompt: bytes) -> None:
    base = Path("/nowhere")
    files = Files(
        base,
        File("routes.yaml", base / "routes.yaml", routes),
        (File("pipelines/chat.yaml", base / "pipelines/chat.yaml", pipeline),),
        (File("prompts/a.md", base / "prompts/a.md", prompt),),
    )
    outcome = compile_files(files, Shop(third_party=False), {})
    assert (outcome.snapshot is None) == bool(outcome.errors)
    assert all(error.line >= 1 and error.col >= 1 and error.message for error in outcome.errors)


@pytest.mark.parametrize("module", ["luna.config.settings", "luna.config.diagnostics", "luna.cli.check"])
def test_what_every_command_imports_leaves_the_slow_libraries_alone(module: str) -> None:
    code = f"import {module}, sys; print(sorted({{'ruamel.yaml', 'watchfiles'}} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_watchfiles_is_imported_by_the_watch_alone() -> None:
    code = "import luna.config.live, sys; print('watchfiles' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
