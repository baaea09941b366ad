"""The README's first examples, run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.command import ROOT, serving

README = (ROOT / "README.md").read_text()


def example(language: str, holding: str) -> str:
    """The first block of that language that holds a word."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(str(block) for block in blocks if holding in block)


def test_the_first_curl_answers(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--demo") as running:
        command = example("sh", "curl").replace("http://127.0.0.1:8080", running.url)
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert '"role":"assistant"' in done.stdout


def test_the_sdk_example_answers(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--demo") as running:
        code = example("python", "OpenAI").replace("http://127.0.0.1:8080", running.url)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert "look-alike" in done.stdout


def test_every_file_it_points_at_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
