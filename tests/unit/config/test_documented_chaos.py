"""What `docs/chaos.md` tells people to write is what luna takes."""

import re
import shutil
from pathlib import Path

from luna.config.compile import compile_files
from luna.config.files import read_files
from luna.config.settings import shipped_routes
from luna.core.registry import Registry

PAGE = Path(__file__).parents[3] / "docs" / "chaos.md"


def test_the_route_and_the_stage_of_the_page_compile(tmp_path: Path) -> None:
    stage, route = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    shipped = shipped_routes()
    for part in ("pipelines", "prompts"):
        shutil.copytree(shipped.parent / part, tmp_path / part)
    chat = (tmp_path / "pipelines" / "chat.yaml").read_text()
    (tmp_path / "pipelines" / "chat-chaos.yaml").write_text(chat.replace("  - use: qwen\n", f"{stage}  - use: qwen\n"))
    routes = shipped.read_text().replace("  - name: chat\n", f"{route}\n  - name: chat\n")
    (tmp_path / "routes.yaml").write_text(routes)
    compiled = compile_files(read_files(tmp_path / "routes.yaml"), Registry(third_party=False), {})
    assert compiled.snapshot is not None, compiled.errors
    struck = {
        route.name: bound.options
        for route in compiled.snapshot.routes
        for bound in route.pipeline.stages
        if bound.stage.use == "chaos"
    }
    assert list(struck) == ["chaos"]
    assert struck["chaos"]["probability"] == 1
