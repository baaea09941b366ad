"""One process at a time works in a data directory, and a killed one is no obstacle."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from luna.disk.claim import InUse, claimed

HOLDER = """
import sys, time
from pathlib import Path
from luna.disk.claim import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(directory)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(InUse, match="Another luna works in"), claimed(directory):
            raise AssertionError("it is taken")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with claimed(directory):
        assert (directory / ".lock").stat().st_mode & 0o777 == 0o600


def test_it_is_given_back(tmp_path: Path) -> None:
    for _ in range(2):
        with claimed(tmp_path), pytest.raises(InUse), claimed(tmp_path):
            raise AssertionError("it is taken")
