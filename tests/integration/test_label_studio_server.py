"""The server's life: one per home, on loopback, stopped for sure, back on the same port."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import httpx
import pytest

from annotators import server
from evals.errors import SetupError

pytestmark = pytest.mark.labelstudio


def test_starting_twice_is_one_server_and_a_restart_keeps_port_owner_and_token(tmp_path: Path) -> None:
    first = server.start(tmp_path)
    try:
        assert server.start(tmp_path) == first == server.status(tmp_path)
        assert first.token not in repr(first) and str(first.owner_password) not in repr(first)
    finally:
        assert server.stop(tmp_path)
    assert server.status(tmp_path) is None and not server.stop(tmp_path)
    again = server.start(tmp_path)
    try:
        assert (again.url, again.token, again.owner_email) == (first.url, first.token, first.owner_email)
        answer = httpx.get(f"{again.url}/api/current-user/whoami", headers={"Authorization": f"Token {again.token}"})
        assert answer.json()["email"] == server.OWNER
    finally:
        server.stop(tmp_path)


def test_secrets_are_readable_by_this_user_only_and_never_in_the_log(label_studio: server.RunningServer, tmp_path: Path) -> None:
    folder = _folder_of(label_studio)
    for name in ("owner.json", "server.json", "server.log", "data/.env"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name
    log = (folder / "server.log").read_text()
    assert label_studio.token not in log and str(label_studio.owner_password) not in log


def test_a_taken_port_is_said_not_worked_around(label_studio: server.RunningServer, tmp_path: Path) -> None:
    port = int(label_studio.url.rsplit(":", 1)[1])
    with pytest.raises(SetupError, match=f"port {port} on 127.0.0.1 is taken"):
        server.start(tmp_path, port=port)


def test_a_stale_process_number_of_a_stranger_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "label-studio"
    folder.mkdir()
    (folder / "server.json").write_text(f'{{"pid": {os.getpid()}, "port": 1}}')
    assert not server.stop(tmp_path) and server.status(tmp_path) is None


def test_the_server_listens_on_loopback_only(label_studio: server.RunningServer) -> None:
    port = int(label_studio.url.rsplit(":", 1)[1])
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"]
    assert f"0100007F:{port:04X}" in listening and f"00000000:{port:04X}" not in listening


def _folder_of(running: server.RunningServer) -> Path:
    arguments = Path(f"/proc/{running.pid}/cmdline").read_text().split("\0")
    return Path(arguments[arguments.index("--data-dir") + 1]).parent
