"""The servers of the benchmark: how each is started in front of the one upstream, and what it wants to be sent.

Owns nothing about what is measured. All of them run with one worker, as they ship but for where the upstream is; of
luna's limits on how much may run at once there are none, because they are there to be gentle with Qwen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import msgspec

from luna import __version__
from tests.bench.field.peers import LITELLM, PORTKEY, program, version_of
from tests.bench.processes import HERE, Process, start
from tests.bench.qwen_calls import MODEL

Kind = Literal["yardstick", "luna", "peer"]
UNLIMITED = ("globalMaxConcurrentRuns", "defaultProviderMaxConcurrentRuns", "defaultAccountMaxConcurrentRuns")
NGINX = """daemon off;
worker_processes 1;
worker_rlimit_nofile 8192;
user root;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_max_body_size 0;
  client_body_buffer_size 8m;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000;
  upstream qwen {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://qwen;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
    }}
  }}
}}
"""
AS_INSTALLED = {"PYTHONDONTWRITEBYTECODE": ""}
"""Python's modules are compiled once, as an installation does it, whatever the shell says that this is run from."""
TOKEN = (  # nobody's: {"id":"bench","exp":4102444800}
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6ImJlbmNoIiwiZXhwIjo0MTAyNDQ0ODAwfQ.bm9ib2R5cw"
)


@dataclass(frozen=True)
class Place:
    """Where a server is to stand."""

    port: int
    upstream: int
    """The upstream's port."""
    folder: Path
    """Its own."""


@dataclass(frozen=True)
class Launch:
    """How it is started."""

    program: Sequence[str]
    arguments: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    probe: str = "/health"
    headers: Sequence[str] = ()
    """That each request to it must have."""


@dataclass(frozen=True)
class Server:
    """A column of the table."""

    name: str
    kind: Kind
    about: str
    """For the reader of the table."""
    launch: Callable[[Place], Launch]
    missing: str = ""
    """Why it cannot be measured; "" when it can."""
    version: str = ""

    def start(self, place: Place) -> "Running":
        """Start it. RuntimeError when it does not answer."""
        place.folder.mkdir(parents=True, exist_ok=True)
        how = self.launch(place)
        process = start(
            self.name,
            how.arguments,
            place.port,
            program=how.program,
            probe=how.probe,
            env={**AS_INSTALLED, **how.env},
            patience=240,
            log=place.folder / "said.log",
        )
        return Running(self, process, tuple(how.headers))


@dataclass
class Running:
    """A server that is up."""

    server: Server
    process: Process
    headers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.server.name

    @property
    def port(self) -> int:
        return self.process.port


def upstream(native: Path) -> Server:
    """The scripted upstream itself: what the load client sees with nothing in between."""

    def launch(place: Place) -> Launch:
        return Launch((str(native),), (str(place.port),))

    return Server("direct", "yardstick", "the scripted upstream itself, in C", launch)


def _nginx(place: Place) -> Launch:
    config = place.folder / "nginx.conf"
    config.write_text(NGINX.format(**vars(place)))
    return Launch((program("nginx"),), ("-p", str(place.folder), "-e", "stderr", "-c", str(config)))


def _floor(place: Place) -> Launch:
    return Launch(HERE, ("-m", "tests.bench.field.floor", str(place.port), str(place.upstream)))


def _luna(record: str) -> Callable[[Place], Launch]:
    def launch(place: Place) -> Launch:
        data = place.folder / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        settings = {"multiThread": dict.fromkeys(UNLIMITED, 0)}
        (data / "config.json").write_bytes(msgspec.json.encode({"version": 1, "settings": settings}))
        env = {
            "LUNA_PORT": str(place.port),
            "LUNA_DATA_DIR": str(data),
            "LUNA_QWEN_BASE_URL": f"http://127.0.0.1:{place.upstream}",
            "LUNA_QWEN_AUTH_URL": f"http://127.0.0.1:{place.upstream}",
            "QWEN_AI_TOKEN": TOKEN,
            "QWEN_AI_COOKIES": f"token={TOKEN}",
            "LUNA_RECORD": record,
        }
        return Launch(HERE, ("-m", "luna", "serve"), env)

    return launch


def _litellm(place: Place) -> Launch:
    entry = {"model": f"openai/{MODEL}", "api_base": f"http://127.0.0.1:{place.upstream}/v1", "api_key": "none"}
    config = place.folder / "config.yaml"  # JSON is YAML, too
    config.write_bytes(msgspec.json.encode({"model_list": [{"model_name": MODEL, "litellm_params": entry}]}))
    arguments = ("--config", str(config), "--host", "127.0.0.1", "--port", str(place.port), "--telemetry", "False")
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "NO_PROXY": "127.0.0.1"}
    return Launch((LITELLM.program("litellm"),), (*arguments, "--num_workers", "1"), env, "/health/liveliness")


def _portkey(place: Place) -> Launch:
    script = PORTKEY.folder / "node_modules/@portkey-ai/gateway/build/start-server.js"
    headers = (
        "authorization: Bearer none",
        "x-portkey-provider: openai",
        f"x-portkey-custom-host: http://127.0.0.1:{place.upstream}/v1",
    )
    return Launch((program("node"),), (str(script), f"--port={place.port}", "--headless"), {}, "/", headers)


def field_of(native: Path) -> list[Server]:
    """All columns, in the table's order."""
    nginx, node = program("nginx"), program("node")
    return [
        upstream(native),
        Server(
            "nginx",
            "yardstick",
            "a pure pass-through, one worker",
            _nginx,
            "" if nginx else "not installed: run `make bench-setup`",
            f"nginx {version_of(nginx, '-v')}" if nginx else "",
        ),
        Server("floor", "yardstick", "granian and msgspec, no stages", _floor, version=f"granian {version('granian')}"),
        Server("luna", "luna", "recording nothing", _luna("off"), version=f"luna {__version__}"),
        Server("luna, recording", "luna", "recording everything", _luna("all")),
        Server("LiteLLM", "peer", "the proxy, one worker", _litellm, LITELLM.failure, f"LiteLLM {LITELLM.version}"),
        Server(
            "Portkey",
            "peer",
            "the gateway, on Node",
            _portkey,
            PORTKEY.failure or ("" if node else "there is no node"),
            f"Portkey {PORTKEY.version} (Node {version_of(node, '--version')})",
        ),
    ]
