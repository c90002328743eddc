"""The server's life: one per home, on loopback, stopped for sure, back on the same port."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from annotators.label_studio import server
from annotators.label_studio.studio import Studio
from annotators.labeling.claims import result_of
from evals.errors import SetupError, StudioError

pytestmark = pytest.mark.labelstudio


def test_starting_twice_is_one_server_and_a_restart_keeps_port_owner_and_token(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as two:
        first, at_once = two.map(server.start, [tmp_path, tmp_path])
    try:
        assert server.start(tmp_path) == first == at_once == server.status(tmp_path)
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


def test_a_missing_program_is_said_with_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_BIN", "/nowhere/label-studio")
    with pytest.raises(SetupError, match=r"not installed at /nowhere/label-studio: python -m venv .*pip install label-studio=="):
        server.start(tmp_path)


def test_a_program_that_ends_while_starting_is_said_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "label-studio"
    program.write_text("#!/bin/sh\necho no room on this device >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("LABEL_STUDIO_BIN", str(program))
    with pytest.raises(SetupError, match="no room on this device"):
        server.start(tmp_path / "home")


def test_a_server_named_in_the_environment_is_used_and_not_touched(
    label_studio: server.RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUMBLINE_LABEL_STUDIO_URL", label_studio.url + "/")
    with pytest.raises(SetupError, match="only one is set"):
        server.start(tmp_path)
    monkeypatch.setenv("PLUMBLINE_LABEL_STUDIO_TOKEN", label_studio.token)
    running = server.start(tmp_path)
    assert (running.url, running.token, running.pid) == (label_studio.url, label_studio.token, None) and not server.stop(tmp_path)
    with Studio(running.url, running.token) as studio:
        assert studio.check() == server.VERSION


@pytest.mark.filterwarnings("ignore:The `parse_obj` method is deprecated")  # inside the SDK, where it renews the token
def test_a_personal_access_token_works_and_a_wrong_one_is_said_without_showing_it(label_studio: server.RunningServer) -> None:
    with Studio(label_studio.url, label_studio.token) as owner:
        personal = owner._json("POST", "/api/token/", "make a personal access token")["token"]
        with Studio(label_studio.url, personal) as studio:
            assert studio.check() == server.VERSION and isinstance(studio.project_ids(), list)
    with Studio(label_studio.url, "f" * 40) as studio, pytest.raises(StudioError, match=r"check the token: HTTP 401") as caught:
        studio.check()
    assert "f" * 40 not in str(caught.value)


def test_the_server_calls_nobody_outside_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, before = tmp_path / "calls.log", server._environment
    (tmp_path / "sitecustomize.py").write_text(_NETWORK_AUDIT)
    monkeypatch.setattr(server, "_environment", lambda folder: before(folder) | {"PYTHONPATH": str(tmp_path), "NETLOG": str(log)})
    running = server.start(tmp_path)
    try:
        with Studio(running.url, running.token) as studio:
            project = studio.ensure_project("highlights/en/claim-v2", overlap=1)
            (task,) = studio.import_tasks(project, [{"item_id": "i", "language": "en", "claim": "c", "evidence": "e"}])
            studio.annotate(task, result_of("grounded"), unique_id="44444444-1111-5111-8111-111111111111")
            assert httpx.get(running.url, follow_redirects=True).status_code == 200
    finally:
        server.stop(tmp_path)
    assert log.read_text() == "watching\n"


_NETWORK_AUDIT = """
import os, sys
LOG, LOCAL = os.environ.get("NETLOG"), {"127.0.0.1", "localhost", "::1", "0.0.0.0", None, ""}
def refuse(event, args):
    if event not in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect"):
        return
    address = args[1] if event == "socket.connect" else args[0]
    host = address[0] if isinstance(address, tuple) else address
    host = host.decode() if isinstance(host, bytes) else host
    if host in LOCAL or str(host).startswith("/"):
        return
    with open(LOG, "a") as log:
        log.write(f"{event} {host}\\n")
    raise OSError("refused by the network audit")
if LOG:
    with open(LOG, "a") as log:
        log.write("watching\\n")
    sys.addaudithook(refuse)
"""


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
