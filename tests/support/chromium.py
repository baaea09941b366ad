"""Sees to a Chromium for the browser tests: `python -m tests.support.chromium` installs one where there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PLACES = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome-stable", "/usr/bin/google-chrome")


def chromium() -> str:
    """Where it is; the place where it would be when there is none."""
    named = os.environ.get("LUNA_TEST_CHROMIUM", "")
    return named or next((place for place in PLACES if Path(place).exists()), PLACES[0])


def install() -> int:
    """Install it from the distribution, where that can be done. The exit code."""
    if Path(chromium()).exists():
        return 0
    apt = shutil.which("apt-get")
    root = [] if os.geteuid() == 0 else [shutil.which("sudo") or ""]
    if apt is None or root == [""]:
        print(f"There is no {chromium()}, and no way to install it here. Name one by LUNA_TEST_CHROMIUM.")
        return 1
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        done = subprocess.run([*root, apt, *command], env=quiet, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            print(f"apt-get {command[0]} failed.")
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(install())
