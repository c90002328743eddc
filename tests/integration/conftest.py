"""Real servers for the integration tests, one of each per session: Label Studio from a migrated template, PostgreSQL from initdb."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotators.label_studio import server
from annotators.label_studio.studio import Studio


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.RunningServer]:
    """The pinned Label Studio on a free port of loopback, empty (about 5 s; the first time on a machine half a minute more)."""
    home = tmp_path_factory.mktemp("label-studio-home")
    try:
        yield server.start(home)
    finally:
        server.stop(home)


@pytest.fixture
def studio(label_studio: server.RunningServer) -> Iterator[Studio]:
    """The server, without projects: what one test leaves no other meets."""
    with Studio(label_studio.url, label_studio.token) as studio:
        for project_id in studio.project_ids():
            studio.delete_project(project_id)
        yield studio


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of the `postgres` database of a fresh cluster, served to loopback only."""
    programs = _postgres_programs()
    folder = Path(tempfile.mkdtemp(prefix="plumbline-pg-"))  # not under pytest's folder: that is closed to the user postgres
    port, data = server.free_port(), folder / "data"
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    try:
        _as_postgres(folder, programs / "initdb", "-D", data, "-U", "plumbline", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        _as_postgres(folder, programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield f"postgresql://plumbline@127.0.0.1:{port}/postgres"
        finally:
            _as_postgres(folder, programs / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_numbers = itertools.count(1)


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """URL of a new empty database in the cluster."""
    import psycopg

    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.rsplit("/", 1)[0] + f"/{name}"


def _postgres_programs() -> Path:
    on_path = shutil.which("initdb")
    found = [Path(on_path)] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL's initdb is not installed")
    return found[-1].resolve().parent


def _as_postgres(folder: Path, *command: str | Path) -> None:
    """PostgreSQL refuses to run as root."""
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run([*user, *map(str, command)], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
