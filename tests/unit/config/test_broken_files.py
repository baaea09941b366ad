"""Every way to get a configuration wrong, and the exact line that says so."""
# ruff: noqa: E501 - one mistake, one line

from pathlib import Path

import pytest

from tests.unit.config.shop import CHAT, ROUTES, SOUND, compiled, said

R, P = "routes.yaml", "pipelines/chat.yaml"
FAR = "version: 1\nstages:\n  - use: decode\n  - use: far\n    {}\n  - use: encode\n"


def stages(*uses: str) -> str:
    """A pipeline of these stages, the first in line 3."""
    return "version: 1\nstages:\n" + "".join(f"  - use: {use}\n" for use in uses)


def routes(*lines: str) -> str:
    """routes.yaml with these routes, the first in line 3."""
    return "version: 1\nroutes:\n" + "".join(f"  - {line}\n" for line in lines)


# fmt: off
CASES: list[tuple[str, str, str | bytes, list[str]]] = [
    # YAML itself
    ("a tab", R, "version: 1\n\troutes: []\n", [f"{R}:2:1: a tab cannot stand here — indent with spaces"]),
    (
        "a colon in text",
        R,
        "version: 1\nrecord: a: b\n",
        [f"{R}:2:10: ':' cannot stand here — check the indentation, or quote the text"],
    ),
    (
        "an open list",
        R,
        "version: 1\nroutes: [a\n",
        [
            (f"{R}:3:1: the list is not closed: there should be a ',' or a ']' here"
            " — inside it, quote text that holds '{', '[' or ','")
        ],
    ),
    (
        "an end too soon",
        R,
        "version: 1\nroutes: [\n",
        [f"{R}:3:1: the file ends where a value should stand — close what is open"],
    ),
    ("nothing to list", R, "version: 1\nroutes: [,]\n", [f"{R}:2:10: a value should stand here — quote the text"]),
    (
        "a reference in a flow mapping",
        R,
        "version: 1\nroutes: [{name: ${X}, pipeline: chat}]\n",
        [
            (f"{R}:2:18: the mapping is not closed: there should be a ',' or a '}}' here"
            " — inside it, quote text that holds '{', '[' or ','")
        ],
    ),
    ("open quotes", R, 'version: "1\n', [f"{R}:2:1: the file ends inside a quoted text — close the quotes"]),
    ("a key without colon", R, "version: 1\nroutes\n", [f"{R}:3:1: this key has no ':' — write 'key: value'"]),
    (
        "a dedent",
        R,
        "version: 1\nroutes:\n  - name: a\n   pipeline: chat\n",
        [(f"{R}:4:4: expected <block end>, but found '<block mapping start>'"
         " — check the indentation of this line and of those above it")],
    ),
    ("an odd character", R, "version: @1\n", [f"{R}:1:10: found character '@' that cannot start any token — quote the text"]),
    ("a NUL", R, "version: 1\nrecord: a\0b\n", [f"{R}:2:10: the character U+0000 is not allowed"]),
    ("not UTF-8", R, b"version: 1\nrecord: \xff\n", [f"{R}:2:9: this byte is not UTF-8 — save the file as UTF-8"]),
    ("an escape beyond Unicode", R, 'version: "\\UFFFFFFFF"\n', [f"{R}:1:11: \\UFFFFFFFF is no character"]),
    (
        "half a character",
        R,
        f'{ROUTES}record: "\\uD800"\n',
        [f"{R}:4:9: this text holds half of a UTF-16 pair — write the character itself"],
    ),
    ("a key twice", R, f"version: 1\n{ROUTES}", [f"{R}:2:1: 'version' stands here twice — the first is in line 1"]),
    ("a tag", R, f"{ROUTES}record: !secret x\n", [f"{R}:4:9: the tag '!secret' is not supported — leave it out"]),
    ("a python tag", R, f"{ROUTES}aliases: !!python/object:os.system []\n", [f"{R}:4:10: the tag '!!python/object:os.system' is not supported — leave it out"]),
    ("a lying tag", R, f"{ROUTES}record: !!int errors\n", [f"{R}:4:9: what follows '!!int' is something else"]),
    (
        "a merge key",
        R,
        routes("&a {name: a, pipeline: chat}", "{<<: *a, name: b, pipeline: chat, match: {model: x}}"),
        [
            f"{R}:4:6: merge keys ('<<') are not supported — write the fields out",
            (f"{R}:4:20: warning: route 'b' can never apply: route 'a' takes everything that it could"
            " — move it up, or make the other narrower"),
        ],
    ),
    ("no anchor", R, f"{ROUTES}aliases: *nowhere\n", [f"{R}:4:10: there is no anchor '&nowhere' above"]),
    ("an alias in itself", R, f"{ROUTES}aliases: &a [*a]\n", [f"{R}:4:14: the alias '*a' stands inside what it repeats"]),
    ("two documents", R, f"{ROUTES}---\n{ROUTES}", [f"{R}:4:1: a second document begins here — one file holds one document"]),
    ("a key that is a list", R, f"{ROUTES}? [a]\n: b\n", [f"{R}:4:3: a key must be a word, not a list or a mapping"]),
    # routes.yaml
    ("empty", R, "", [f"{R}:1:1: expected a mapping for routes.yaml, got nothing", f"{P}:1:1: warning: no route uses pipeline 'chat'"]),
    ("a list", R, "- a\n", [f"{R}:1:1: expected a mapping for routes.yaml, got a list", f"{P}:1:1: warning: no route uses pipeline 'chat'"]),
    ("no version", R, "routes:\n  - {name: a, pipeline: chat}\n", [f"{R}:1:1: routes.yaml needs 'version'"]),
    ("a future version", R, ROUTES.replace("1", "2"), [f"{R}:1:10: 'version': 2 is not one of: 1"]),
    ("a version in quotes", R, ROUTES.replace("1", "'1'"), [f"{R}:1:10: 'version': expected a whole number, got text"]),
    ("no routes", R, "version: 1\nroutes: []\n", [f"{R}:2:9: without a route no request can be answered — write at least one", f"{P}:1:1: warning: no route uses pipeline 'chat'"]),
    ("routes as a mapping", R, "version: 1\nroutes: {a: b}\n", [f"{R}:2:9: 'routes': expected a list, got a mapping — begin each item with '- '", f"{P}:1:1: warning: no route uses pipeline 'chat'"]),
    ("no key routes", R, "version: 1\n", [f"{R}:1:1: routes.yaml needs 'routes'", f"{P}:1:1: warning: no route uses pipeline 'chat'"]),
    ("an unknown field", R, f"{ROUTES}recrod: all\n", [f"{R}:4:1: routes.yaml has no field 'recrod' — did you mean 'record'?"]),
    ("an alien field", R, f"{ROUTES}xyz: 1\n", [f"{R}:4:1: routes.yaml has no field 'xyz' — it has: version, record, reload-gate, aliases, routes"]),
    ("a wrong choice", R, f"{ROUTES}record: error\n", [f"{R}:4:9: 'record': 'error' is not one of: off, errors, all — did you mean 'errors'?"]),
    ("yaml 1.1 habits", R, f"{ROUTES}record: false\n", [f"{R}:4:9: 'record': expected text, got true or false"]),
    ("a misspelt required field", R, routes("{name: a, pipline: chat}"), [f"{R}:3:15: a route has no field 'pipline' — did you mean 'pipeline'?", f"{P}:1:1: warning: no route uses pipeline 'chat'"]),
    ("a route without a name", R, routes("{pipeline: chat}"), [f"{R}:3:5: a route needs 'name'"]),
    ("a route that is text", R, routes("chat", "{name: a, pipeline: chat}"), [f"{R}:3:5: expected a mapping for a route, got text"]),
    ("a route's name", R, routes("{name: a b, pipeline: chat}"), [f"{R}:3:12: 'name': expected a name made of letters, digits, '.', '_' and '-'"]),
    ("an unknown pipeline", R, routes("{name: a, pipeline: chta}", "{name: b, pipeline: chat}"), [
        f"{R}:3:25: pipeline 'chta' does not exist — did you mean 'chat'?",
        f"{R}:4:12: warning: route 'b' can never apply: route 'a' takes everything that it could — move it up, or make the other narrower",
    ]),
    ("a name twice", R, routes("{name: a, match: {path: /a}, pipeline: chat}", "{name: a, match: {path: /b}, pipeline: chat}"), [f"{R}:4:12: a route called 'a' stands in line 3 already"]),
    ("an unknown condition", R, routes("{name: a, match: {modle: x}, pipeline: chat}"), [f"{R}:3:23: 'match' has no field 'modle' — did you mean 'model'?"]),
    ("a wrong pattern", R, routes("{name: a, match: {model: [x, 5]}, pipeline: chat}"), [f"{R}:3:30: 'model': expected a pattern or a list of patterns, got ['x', 5]"]),
    ("no pattern", R, routes("{name: a, match: {model: []}, pipeline: chat}"), [f"{R}:3:30: 'model': expected at least one pattern"]),
    ("a header's pattern", R, routes("{name: a, match: {header: {x-a: b, x-c: 3}}, pipeline: chat}"), [f"{R}:3:45: 'x-c': expected a pattern or a list of patterns, got 3"]),
    ("tools", R, routes("{name: a, match: {tools: {some: x}}, pipeline: chat}"), [f"{R}:3:31: 'tools' has no field 'some' — it has: any, all, none"]),
    ("a size", R, routes("{name: a, match: {size: {min: 5 MB, max: much}}, pipeline: chat}"), [f"{R}:3:46: 'max': expected a size like 512, 64KiB or 5MB, got 'much'"]),
    ("an empty range", R, routes("{name: a, match: {size: {min: 9, max: 8}}, pipeline: chat}"), [f"{R}:3:29: no size is both at least 'min' and at most 'max'"]),
    ("a stream", R, routes("{name: a, match: {stream: yes}, pipeline: chat}"), [f"{R}:3:31: 'stream': expected true or false, got text"]),
    ("a path", R, routes("{name: a, match: {path: [/v1, v1/chat]}, pipeline: chat}"), [f"{R}:3:35: 'path': 'v1/chat' matches no path — a path begins with '/'"]),
    ("luna's own path", R, routes("{name: a, match: {path: [/api/x, /v1]}, pipeline: chat}"), [f"{R}:3:30: warning: luna answers '/api/x' itself; this route is never asked for it"]),
    ("an unknown stage in with", R, routes("{name: a, pipeline: chat, with: {fra: {}}}"), [f"{R}:3:38: pipeline 'chat' has no stage 'fra' — did you mean 'far'?"]),
    ("an unknown option in with", R, routes("{name: a, pipeline: chat, with: {far: {mod: fast}}}"), [f"{R}:3:44: stage 'far' has no option 'mod' — did you mean 'mode'?"]),
    ("a wrong option in with", R, routes("{name: a, pipeline: chat, with: {far: {mode: fat}}}"), [f"{R}:3:50: 'mode': 'fat' is not one of: fast, slow, auto — did you mean 'fast'?"]),
    ("a refused option in with", R, routes("{name: a, pipeline: chat, with: {far: {prompt: x}}}"), [f"{R}:3:52: 'prompt': there is no prompt 'x' (have: none)"]),
    ("options that are none", R, routes("{name: a, pipeline: chat, with: {far: fast}}"), [f"{R}:3:43: 'far': expected a mapping, got text"]),
    ("an alias", R, f"{ROUTES}aliases:\n  - {{model: a, to: b}}\n", [f"{R}:5:5: an alias needs 'as'", f"{R}:5:16: an alias has no field 'to' — it has: model, as"]),
    ("an empty alias", R, f"{ROUTES}aliases:\n  - {{model: a, as: ''}}\n", [f"{R}:5:20: 'as': expected text of length >= 1, got ''"]),
    ("an alias in vain", R, f'{ROUTES}aliases:\n  - {{model: "a*", as: x}}\n  - {{model: [ab, ac], as: y}}\n', [
        f"{R}:6:5: warning: the alias in line 6 can never apply: the alias in line 5 takes everything that it could — move it up, or make the other narrower"]),
    # pipelines
    ("an unknown stage", P, stages("decode", "farr", "encode"), [f"{P}:4:10: there is no stage 'farr' — did you mean 'far'?"]),
    ("an alien stage", P, stages("decode", "zzz", "encode"), [f"{P}:4:10: there is no stage 'zzz' — there are: cut, decode, door, encode, far, lease, local, reads, sideless, taker"]),
    ("a stage that cannot be loaded", P, stages("decode", "broken", "far", "encode"), [f"{P}:4:10: broken:Broken cannot be loaded: ImportError: no module"]),
    ("a stage without a side", P, stages("decode", "sideless", "far", "encode"), [
        (f"{P}:4:10: the class of 'sideless' must derive from exactly one of"
        " RequestStage, AroundStage, TransportStage, AnswerStage, ResponseStage, EncodeStage")]),
    ("a reserved option", P, stages("taker", "decode", "far", "encode"), [f"{P}:3:10: the options of 'taker' cannot be read: the name 'name' is reserved"]),
    ("a line that is text", P, stages("decode", "far", "encode") + "  - cut\n", [f"{P}:6:5: expected a stage, got text — write '- use: NAME'"]),
    ("a line without use", P, stages("decode", "far", "encode") + "  - {usr: cut}\n", [f"{P}:6:5: a stage needs 'use'"]),
    ("stages as text", P, "version: 1\nstages: far\n", [f"{P}:2:9: expected a list of stages, got text — write '- use: NAME' for each"]),
    ("no stages", P, "version: 1\nstages: []\n", [f"{P}:2:9: a pipeline needs stages — write '- use: NAME' for each"]),
    ("no key stages", P, "version: 1\nabout: x\n", [f"{P}:1:1: a pipeline needs 'stages'"]),
    ("an unknown field of a pipeline", P, f"{CHAT}abuot: x\n", [f"{P}:6:1: a pipeline has no field 'abuot' — did you mean 'about'?"]),
    ("a stage twice", P, stages("decode", "door", "door", "far", "encode").replace("- use: decode", "- {use: decode, name: door}"), [
        f"{P}:4:10: a stage called 'door' stands in line 3 already — give one of them a 'name' of its own",
        f"{P}:5:10: a stage called 'door' stands in line 3 already — give one of them a 'name' of its own",
    ]),
    ("an unknown option", P, FAR.format("atempts: 3"), [f"{P}:5:5: stage 'far' has no option 'atempts' — did you mean 'attempts'?"]),
    ("an option where there are none", P, stages("decode", "far", "encode") + "    x: 1\n", [f"{P}:6:5: stage 'encode' has no option 'x'"]),
    ("a wrong type", P, FAR.format("attempts: many"), [f"{P}:5:15: 'attempts': expected a whole number, got text"]),
    ("an item of a wrong type", P, FAR.format("names: [a, b, 3]"), [f"{P}:5:19: 'names': expected text, got a whole number"]),
    ("a number too small", P, FAR.format("attempts: 0"), [f"{P}:5:15: 'attempts': expected a whole number >= 1, got 0"]),
    ("a duration", P, FAR.format("idle: 5"), [f"{P}:5:11: 'idle': expected a duration like 500ms, 10s, 5m or 2h, got 5"]),
    ("a nested mistake", P, FAR.format("rules: [{pattern: a, times: x}, {patern: b}]"), [
        f"{P}:5:33: 'times': expected a whole number, got text",
        f"{P}:5:38: an item of 'rules' has no field 'patern' — did you mean 'pattern'?"]),
    ("an entry of a map", P, FAR.format("limits: {a: 1, b: x}"), [f"{P}:5:23: 'b': expected a whole number, got text"]),
    ("a missing option", P, stages("local"), [f"{P}:3:10: stage 'local' needs 'folder'"]),
    ("options that do not go together", P, FAR.format("{mode: slow, attempts: 1}".strip("{}").replace(", ", "\n    ")), [f"{P}:4:5: one attempt is too few when it is slow"]),
    ("a refused option", P, FAR.format("prompt: far/away"), [f"{P}:5:13: 'prompt': there is no prompt 'far/away' (have: none)"]),
    ("a refused option that is not written", P, FAR.format("names: [prompt]"), [f"{P}:4:10: 'prompt': does not go with prompt and "]),
    ("a constructor that breaks", P, FAR.format("names: [boom]"), [f"{P}:4:10: stage 'far' cannot be built: RuntimeError: no use for ('boom',)"]),
    ("no far end", P, stages("decode"), [f"{P}:2:1: pipeline 'chat' has no far end — add one transport or answer stage"]),
    ("two far ends", P, stages("decode", "far", "far", "encode").replace("far\n  - use: far", "far\n  - name: b\n    use: far"), [f"{P}:6:10: 'b' is a second far end — 'far' is one already"]),
    ("nothing that encodes", P, stages("decode", "far"), [f"{P}:2:1: nothing encodes the answer of pipeline 'chat' — end it with an encode stage, like 'protocol.encode'"]),
    ("encoded twice", P, stages("decode", "far", "encode") + "  - {use: encode, name: b}\n", [f"{P}:6:11: 'b' encodes a second time — 'encode' does already"]),
    ("encoded too early", P, stages("decode", "far", "encode", "cut"), [f"{P}:6:10: 'cut' works on the response side and must stand above 'encode' (encode) — the order is: request, around, transport, response, encode"]),
    ("around after the transport", P, stages("decode", "far", "lease", "encode"), [f"{P}:5:10: 'lease' works on the around side and must stand above 'far' (transport) — the order is: request, around, transport, response, encode"]),
    ("a request stage too late", P, stages("decode", "lease", "door", "far", "encode"), [f"{P}:5:10: 'door' works on the request side and must stand above 'lease' (around) — the order is: request, around, transport, response, encode"]),
    ("an answer with company", P, "version: 1\nstages:\n  - use: local\n    folder: a\n  - use: encode\n", [f"{P}:5:10: 'encode' (encode) has nothing to do here — 'local' answers with a document: leave it out"]),
    ("read before it is decoded", P, stages("reads", "decode", "far", "encode"), [f"{P}:3:10: 'reads' reads the request before anything has decoded it — put a stage that decodes above it, like 'protocol.decode'"]),
    ("never decoded", P, stages("door", "far", "encode"), [f"{P}:4:10: 'far' reads the request before anything has decoded it — put a stage that decodes above it, like 'protocol.decode'"]),
    # local stages
    ("a local stage that is not there", P, stages("decode", "./nix.py:Nix", "far", "encode"), [f"{P}:4:10: cannot read ./nix.py: No such file or directory"]),
    ("a local stage without a class", P, stages("decode", "./nix.py", "far", "encode"), [f"{P}:4:10: expected ./path/to/file.py:ClassName, got './nix.py'"]),
]
# fmt: on


@pytest.mark.parametrize(("file", "content", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_mistake_is_named_with_file_line_and_column(
    tmp_path: Path, file: str, content: str | bytes, expected: list[str]
) -> None:
    outcome = compiled(tmp_path, {**SOUND, file: content})
    assert said(outcome) == expected
    assert (outcome.snapshot is None) == any(": warning: " not in line for line in expected)


def test_there_is_a_case_for_every_line_of_a_persons_day() -> None:
    assert len({case[0] for case in CASES}) == len(CASES) >= 40


def test_every_file_every_route_and_every_stage_is_looked_at(tmp_path: Path) -> None:
    outcome = compiled(
        tmp_path,
        {
            "routes.yaml": routes("{name: a, pipeline: chat, extra: 1}", "{name: b, pipeline: nowhere}"),
            "pipelines/chat.yaml": stages("decode", "nix", "far", "encode") + "    x: 1\n",
            "pipelines/unused.yaml": "version: 1\nstages: [\n",
            "prompts/a.md": "{{ undeclared }}\n",
        },
    )
    assert [str(error).split(" — ")[0] for error in outcome.errors] == [
        "pipelines/chat.yaml:4:10: there is no stage 'nix'",
        "pipelines/chat.yaml:7:5: stage 'encode' has no option 'x'",
        "pipelines/unused.yaml:3:1: the file ends where a value should stand",
        "prompts/a.md:1:1: the variable 'undeclared' is not declared",
        "routes.yaml:3:31: a route has no field 'extra'",
        "routes.yaml:4:25: pipeline 'nowhere' does not exist",
    ]


def test_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    outcome = compiled(tmp_path, {"pipelines/chat.yaml": CHAT})
    assert said(outcome) == ["routes.yaml:1:1: there is no such file"]
    (tmp_path / "pipelines/chat.yaml").unlink()
    (tmp_path / "pipelines/chat.yaml").mkdir()
    outcome = compiled(tmp_path, {"routes.yaml": ROUTES})
    assert said(outcome) == ["pipelines/chat.yaml:1:1: cannot be read: Is a directory"]


def test_a_pipeline_cannot_be_written_twice(tmp_path: Path) -> None:
    outcome = compiled(tmp_path, {**SOUND, "pipelines/chat.yml": CHAT})
    assert said(outcome) == ["pipelines/chat.yml:1:1: there is a pipeline 'chat' already — in pipelines/chat.yaml"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import nothing_like_it\n", "1:1: ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("x = 1\n\ny = x / 0\n", "3:1: ZeroDivisionError: division by zero"),
        ("def f(:\n", "1:1: invalid syntax"),
        ("import sys\nsys.exit(3)\n", "2:1: SystemExit: 3"),
        ("Other = 1\n", "1:1: there is no class 'Mine' in this file"),
    ],
)
def test_a_broken_stage_file_is_named_with_its_own_line(tmp_path: Path, code: str, expected: str) -> None:
    pipeline = stages("decode", "../own/mine.py:Mine", "far", "encode")
    outcome = compiled(tmp_path, {**SOUND, "pipelines/chat.yaml": pipeline, "own/mine.py": code})
    assert said(outcome) == [f"own/mine.py:{expected} — used at pipelines/chat.yaml:4:10"]


def test_a_stage_file_that_is_no_stage(tmp_path: Path) -> None:
    pipeline = stages("decode", "./mine.py:Mine", "far", "encode")
    outcome = compiled(tmp_path, {**SOUND, "pipelines/chat.yaml": pipeline, "pipelines/mine.py": "Mine = 3\n"})
    assert said(outcome) == ["pipelines/chat.yaml:4:10: './mine.py:Mine' is not a Stage"]
