"""What users install: the wheel, in a fresh environment, run from another folder, out of sight of the source tree."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("schemas", "detectors", "stream")
PATIENCE_S = 300

pytestmark = pytest.mark.slow

# Imports every module there is and tells where each came from.
IMPORT_ALL = """
import importlib, json, pkgutil, sys
rooms = ("schemas", "detectors", "stream")
for room in rooms:
    package = importlib.import_module(room)
    for module in pkgutil.walk_packages(package.__path__, room + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
ours = {name: module.__file__ for name, module in sys.modules.items() if name.split(".")[0] in rooms}
print(json.dumps(ours))
"""


def run(*command: str | Path, folder: Path) -> str:
    """What it prints. Variables that could show it the source tree are taken away."""
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LEEWAY", "VIRTUAL_ENV"))
    }
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, as whoever builds it from the index would."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel; of this one it sees the dependencies, not what is installed editable."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder, folder=folder)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    run(*install, "install", "-q", "--no-deps", "--no-index", wheel, folder=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    # A path in a .pth file is searched, but the .pth files in it are not read: the editable install stays out.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_wheel_holds_the_rooms_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
        names = set(archive.namelist())
    (metadata,) = top - set(ROOMS)
    assert metadata.endswith(".dist-info")
    assert f"{metadata}/licenses/LICENSE" in names
    assert not [name for name in names if "__pycache__" in name or "/test_" in name]


def test_every_module_of_the_source_is_in_the_wheel(wheel: Path) -> None:
    modules = {str(path.relative_to(ROOT)) for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    with zipfile.ZipFile(wheel) as archive:
        assert modules - set(archive.namelist()) == set()


def test_the_demo_finds_its_rows_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        rows = archive.getinfo("stream/demo/employment_ma.npz")
        assert 0 < rows.file_size <= 2_000_000
        assert b"public domain" in archive.read("stream/demo/employment_ma.LICENSE.md").lower()


def test_the_command_runs_from_another_folder(environment: Path, tmp_path: Path) -> None:
    version = run(environment / "bin" / "leeway", "--version", folder=tmp_path)
    assert "0.1.0" in version
    assert "demo" in run(environment / "bin" / "leeway", "--help", folder=tmp_path)


def test_every_module_imports_and_none_from_the_source_tree(environment: Path, tmp_path: Path) -> None:
    places = json.loads(run(environment / "bin" / "python", "-I", "-c", IMPORT_ALL, folder=tmp_path))
    assert len(places) > 50
    strangers = {name: place for name, place in places.items() if not Path(place).is_relative_to(environment)}
    assert strangers == {}
