"""A virtual environment for every peer, made once and kept in a cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def default_cache() -> Path:
    """The user's cache folder, where the system says it is."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "foldgrad-benchmarks"


def requirements() -> dict[str, str]:
    """Read which version of every peer is measured: ``{"micrograd": "micrograd==0.1.0", ...}``."""
    lines = REQUIREMENTS.read_text().splitlines()
    pins = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return {pin.partition("==")[0]: pin for pin in pins}


def environment(requirement: str, cache: Path) -> tuple[str | None, str]:
    """Make or reuse the environment of a peer.

    Returns:
        (its Python, ""), or (None, why the peer could not be installed).
    """
    name = requirement.partition("==")[0]
    folder = cache / f"{name}-py{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "installed.txt"  # written last: an environment without it is half made
    if python.exists() and done.exists() and done.read_text() == requirement:
        return str(python), ""
    venv.create(folder, with_pip=True, clear=True)
    install = [str(python), "-m", "pip", "install", "--quiet", requirement]
    pip = subprocess.run(install, capture_output=True, text=True)
    if pip.returncode:
        return None, (pip.stderr.strip().splitlines() or ["pip said nothing"])[-1]
    done.write_text(requirement)
    return str(python), ""
