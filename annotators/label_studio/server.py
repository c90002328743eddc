"""`plumb label-studio start|stop|status`: the pinned Label Studio of this installation, on loopback, without a human and without a network.

It lives in a virtual environment of its own (it would downgrade ours) and keeps everything in ``<home>/label-studio``: ``data`` (SQLite),
``owner.json`` (0600: who owns it, password, token), ``server.json`` (process and port), ``server.log``. The port is remembered,
so that links stay true. A first start migrates for half a minute; that is done once per version, in the cache, and copied.
A server that is there already is used instead where ``PLUMBLINE_LABEL_STUDIO_URL`` and ``_TOKEN`` are set.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from evals import paths
from evals.errors import RetryError, SetupError

VERSION = "1.23.2"
OWNER = "owner@plumbline.invalid"
START_S, MIGRATE_S, STOP_S = 180.0, 600.0, 15.0
# What Label Studio would not call by itself, less loopback: its webhooks must reach our receiver (`receiver`), and it can only
# switch the whole list off. Whoever has an account can make it fetch a URL: loopback is open to them, other private networks stay closed.
BANNED_SUBNETS = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24"),
    *("192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "233.252.0.0/24", "240.0.0.0/4"),
    *("255.255.255.255/32", "::/128", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001:0000::/32"),
    *("2001:20::/28", "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10", "ff00::/8"),
)
_DATABASE = "label_studio.sqlite3"
_INSTALL = f"python -m venv .venv-label-studio && .venv-label-studio/bin/pip install label-studio=={VERSION}"
_children: dict[int, subprocess.Popen[bytes]] = {}  # started by this very process: it must collect them when they end


@dataclass(frozen=True)
class RunningServer:
    """A Label Studio that answers. `pid` is None for one that we did not start; `token` and `owner_password` are never printed."""

    url: str
    token: str = field(repr=False)
    pid: int | None = None
    owner_email: str | None = None
    owner_password: str | None = field(default=None, repr=False)


def start(home: Path, *, port: int | None = None, timeout_s: float = START_S) -> RunningServer:
    """The server of `home`, started unless it runs already (then on whatever port it has); asked twice it is one server.

    Raises SetupError when the program is missing, does not start or `port` is taken, RetryError when it does not answer in time.
    """
    if external := _external():
        return external
    folder = home / "label-studio"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    with _locked(folder / ".lock"):
        there = _process(folder)
        pid, chosen = there or _launch(folder, port)
        _wait(folder, pid, chosen, time.monotonic() + timeout_s)  # one that is there may be busy: that is no reason to kill it
        return _running(pid, chosen, _owner(folder))


def status(home: Path) -> RunningServer | None:
    """The server of `home` if it answers now; the one named in the environment without asking it."""
    if external := _external():
        return external
    folder = home / "label-studio"
    there = _process(folder)
    return _running(*there, _owner(folder)) if there and _healthy(there[1]) else None


def stop(home: Path) -> bool:
    """End the server of `home`: politely, then by force; whether there was one. A server named in the environment is left alone."""
    folder = home / "label-studio"
    if not folder.exists():
        return False
    with _locked(folder / ".lock"):
        return _stop(folder)


# ---------------------------------------------------------------------------------------------- what it is made of


def _external() -> RunningServer | None:
    url, token = paths.label_studio_server()
    if bool(url) != bool(token):
        raise SetupError("of PLUMBLINE_LABEL_STUDIO_URL and PLUMBLINE_LABEL_STUDIO_TOKEN only one is set: both or neither")
    return RunningServer(url.rstrip("/"), token) if url and token else None


def _process(folder: Path) -> tuple[int, int] | None:
    """Process and port of our server if the process lives."""
    state = _read(folder / "server.json") or {}
    pid, port = int(state.get("pid", 0)), int(state.get("port", 0))
    return (pid, port) if _is_ours(pid, folder) else None


def _launch(folder: Path, port: int | None) -> tuple[int, int]:
    owner, chosen = _owner(folder), _port(folder, port)
    _copy_template(folder / "data")
    pid = _spawn(folder, owner, chosen)
    _write(folder / "server.json", {"pid": pid, "port": chosen})
    return pid, chosen


def _running(pid: int, port: int, owner: dict[str, str]) -> RunningServer:
    return RunningServer(f"http://127.0.0.1:{port}", owner["token"], pid, owner["email"], owner["password"])


def _owner(folder: Path) -> dict[str, str]:
    """Who owns the server: made once, readable by this user only."""
    known = _read(folder / "owner.json")
    if known:
        return {key: str(value) for key, value in known.items()}
    owner = {"email": OWNER, "password": secrets.token_urlsafe(18), "token": secrets.token_hex(20)}
    _write(folder / "owner.json", owner)
    return owner


def _port(folder: Path, wanted: int | None) -> int:
    """`wanted`, else the port of last time, else a free one. Label Studio itself would take the next free one without a word."""
    if wanted is not None:
        if not _is_free(wanted):
            raise SetupError(f"port {wanted} on 127.0.0.1 is taken by another program")
        return wanted
    remembered = (_read(folder / "server.json") or {}).get("port")
    return int(remembered) if remembered and _is_free(int(remembered)) else free_port()


def free_port() -> int:
    """A TCP port on loopback that nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _program() -> Path:
    program = paths.label_studio_program()
    if program is None or not program.exists():
        raise SetupError(f"Label Studio is not installed{f' at {program}' if program else ''}: {_INSTALL}, or name it in LABEL_STUDIO_BIN")
    return program


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours but the basics; nobody is called: no analytics, no version check, no error reports."""
    return paths.inherited("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT") | {
        "HOME": str(folder),  # it would write into ~/.config
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "DJANGO_DB": "sqlite",
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
        "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
        "LABEL_STUDIO_SENTRY_DSN": "",
        "LABEL_STUDIO_FRONTEND_SENTRY_DSN": "",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "TASK_LOCK_TTL": "1800",  # an abandoned task is free again after half an hour, not after a day
        "USE_DEFAULT_BANNED_SUBNETS": "false",
        "USER_ADDITIONAL_BANNED_SUBNETS": ",".join(BANNED_SUBNETS),
        "LOG_LEVEL": "WARNING",  # at INFO the log repeats every URL, invitations included
    }


def _spawn(folder: Path, owner: dict[str, str], port: int) -> int:
    data = folder / "data"
    command = [str(_program()), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    environment = _environment(data) | {
        "LABEL_STUDIO_USERNAME": owner["email"],
        "LABEL_STUDIO_PASSWORD": owner["password"],
        "LABEL_STUDIO_USER_TOKEN": owner["token"],
    }
    with os.fdopen(os.open(folder / "server.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as log:
        process = subprocess.Popen(
            [*command, "--log-level", "WARNING", "--data-dir", str(data)],
            cwd=data,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[process.pid] = process
    return process.pid


def _wait(folder: Path, pid: int, port: int, deadline: float) -> None:
    while not _healthy(port):
        if not _is_ours(pid, folder):
            raise SetupError(f"Label Studio ended while starting; the end of {folder / 'server.log'}:\n{_tail(folder / 'server.log')}")
        if time.monotonic() > deadline:
            _stop(folder)
            raise RetryError(f"Label Studio did not answer on http://127.0.0.1:{port}/health in time; see {folder / 'server.log'}")
        time.sleep(0.1)
    if not _is_ours(pid, folder):
        raise SetupError(f"another program answers on port {port}; see {folder / 'server.log'}")


def _healthy(port: int) -> bool:
    try:
        return bool(httpx.get(f"http://127.0.0.1:{port}/health", timeout=5, trust_env=False).json() == {"status": "UP"})
    except (httpx.HTTPError, ValueError):
        return False


# ---------------------------------------------------------------------------------------------- the migrated template


def _copy_template(data: Path) -> None:
    """A migrated empty database. Its SECRET_KEY stays behind: every server makes its own."""
    if (data / _DATABASE).exists():
        return
    data.mkdir(parents=True, exist_ok=True)
    partial = data / f"{_DATABASE}.part"
    shutil.copyfile(_template(), partial)
    partial.replace(data / _DATABASE)


def _template() -> Path:
    """The migrated database of this version, made on first use (about half a minute), whoever asks first."""
    cache = paths.cache()
    cache.mkdir(parents=True, exist_ok=True)
    template = cache / f"label-studio-{VERSION}.sqlite3"
    with _locked(cache / ".label-studio.lock"):
        if not template.exists():
            _migrate(template)
    return template


def _migrate(template: Path) -> None:
    with tempfile.TemporaryDirectory(dir=template.parent, prefix="label-studio-") as name:
        data = Path(name)
        command = [str(_program()), "version", "--log-level", "WARNING", "--data-dir", name]  # this subcommand migrates, then prints
        try:
            done = subprocess.run(command, cwd=data, env=_environment(data), capture_output=True, text=True, timeout=MIGRATE_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise RetryError(f"Label Studio's first migration took longer than {MIGRATE_S:.0f} s") from error
        if done.returncode or f"Label Studio version: {VERSION}" not in done.stdout:
            said = (done.stdout + done.stderr)[-2000:]
            raise SetupError(f"{_program()} is not Label Studio {VERSION}, or cannot prepare its database ({_INSTALL}):\n{said}")
        (data / _DATABASE).replace(template)


# ---------------------------------------------------------------------------------------------- process and files


def _stop(folder: Path) -> bool:
    there = _process(folder)
    if there is None:
        return False
    pid = there[0]
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.kill(pid, number)
        deadline = time.monotonic() + STOP_S
        while _exists(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not _exists(pid):
            _children.pop(pid, None)
            return True
    raise RetryError(f"Label Studio (process {pid}) does not end")


def _is_ours(pid: int, folder: Path) -> bool:
    """Whether the process lives and was started for this very folder: numbers are given again after a restart of the machine."""
    return pid > 0 and _exists(pid) and str(folder / "data") in _command_line(pid)


def _exists(pid: int) -> bool:
    """An ending process loses its command line before its sockets: only its end counts."""
    if child := _children.get(pid):
        return child.poll() is None
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # macOS has no /proc
    except PermissionError:
        return True


def _command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return []
    listed = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return [part.strip() for part in listed.stdout.split(" --data-dir ")]  # the folder is the last argument


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> dict[str, str | int] | None:
    try:
        return dict(json.loads(path.read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def _write(path: Path, content: object) -> None:
    """Whole or not at all, and for this user only."""
    partial = path.with_suffix(".part")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file)
    partial.replace(path)


def _tail(path: Path) -> str:
    try:
        return path.read_text(errors="replace")[-2000:]
    except FileNotFoundError:
        return "(no log)"
