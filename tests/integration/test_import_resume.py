"""kill -9 in the middle of an import, then the same command again: the end equals an undisturbed one."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path


def a_file(folder: Path, rows: int) -> Path:
    path = folder / "reviews.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            row = {"id": f"r{number}", "product_id": f"p{number % 7}", "lang": "en", "text": f"It works well, take {number}.", "rating": 4}
            file.write(json.dumps(row) + "\n" + ("{broken\n" if number % 1000 == 0 else ""))
    return path


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "PLUMBLINE_HOME": str(home), "PLUMBLINE_DATABASE_URL": f"sqlite:///{home / 'store.sqlite3'}"}


def command(path: Path) -> list[str]:
    return [sys.executable, "-m", "workbench", "import", "reviews", str(path), "--json"]


def stored(home: Path) -> int:
    """Rows on disk, read beside the store: opening it would migrate it."""
    try:
        with closing(sqlite3.connect(f"file:{home / 'store.sqlite3'}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM review").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_an_import_killed_in_the_middle_and_repeated_equals_an_undisturbed_one(tmp_path: Path) -> None:
    path, home, undisturbed = a_file(tmp_path, 60_000), tmp_path / "killed", tmp_path / "undisturbed"
    process = subprocess.Popen(command(path), env=environment(home), stdout=subprocess.DEVNULL)
    while stored(home) < 2_000:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 2_000 <= stored(home) < 60_000

    again = subprocess.run(command(path), env=environment(home), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    summary = json.loads(again.stdout)
    assert summary["new"] + summary["duplicates"] == 60_000
    assert summary["quarantined"] == 60
    subprocess.run(command(path), env=environment(undisturbed), stdout=subprocess.DEVNULL, check=True)
    for home_ in (home, undisturbed):
        assert stored(home_) == 60_000
    reasons = [len(next((h / "quarantine").glob("*.jsonl")).read_text("utf-8").splitlines()) for h in (home, undisturbed)]
    assert reasons == [60, 60]
