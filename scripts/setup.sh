#!/usr/bin/env bash
# Makes one part of the set-up: workbench | label-studio | system. Says what it does; does nothing that is done.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '[setup] %s\n' "$*"; }
fail() { printf '[setup] %s\n' "$*" >&2; exit 1; }

python_311() {
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            echo "$candidate"; return
        fi
    done
    fail "Python 3.11 or newer is needed: install it, or name it: make run PYTHON=/path/to/python3"
}

workbench() {
    say "environment of the workbench in .venv (about 2.5 GB with torch; a minute the first time)"
    local python; python="$(python_311)"
    [ -x .venv/bin/pip ] || "$python" -m venv .venv || fail "$python cannot make environments: install its venv package (Debian: python3-venv)"
    .venv/bin/python -m pip install -q --disable-pip-version-check uv 2>&1 | grep -v 'is ignored' || true
    # torch by pip, so that pip's own configuration chooses the build (CPU or CUDA) of the pinned version.
    .venv/bin/python -m pip install -q --disable-pip-version-check "$1" 2>&1 | grep -v 'is ignored' || true
    .venv/bin/python -c 'import torch' 2>/dev/null || fail "$1 could not be installed: is the package index reachable?"
    .venv/bin/uv pip install -q --python .venv/bin/python -r requirements.lock
    .venv/bin/uv pip install -q --python .venv/bin/python --no-deps -e .
    touch .venv/.done
}

label-studio() {
    say "Label Studio in .venv-label-studio, an environment of its own (about 450 MB)"
    [ -x .venv-label-studio/bin/python ] || .venv/bin/uv venv -q --python .venv/bin/python .venv-label-studio
    .venv/bin/uv pip install -q --python .venv-label-studio/bin/python -r requirements-label-studio.lock
    touch .venv-label-studio/.done
}

system() {
    local missing=()
    command -v chromium >/dev/null || missing+=(chromium)
    [ -d /usr/share/fonts/opentype/noto ] || missing+=(fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji)
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
    [ ${#missing[@]} -eq 0 ] && return
    command -v apt-get >/dev/null || fail "install ${missing[*]} with this system's package manager, then run again"
    local as_root=(env DEBIAN_FRONTEND=noninteractive)
    [ "$(id -u)" -eq 0 ] || as_root=(sudo env DEBIAN_FRONTEND=noninteractive)
    say "system packages: ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || fail "apt-get could not install ${missing[*]}"
}

"$@"
