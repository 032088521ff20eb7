"""A Python with our packages and a fault in one of them, as after installing other versions."""

import site
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT, ROOT / "client", ROOT / "shared")


def a_python_with(fault: str, folder: Path) -> Path:
    """Create the environment and return its Python. `fault` is the source of a module that every start imports."""
    venv.create(folder, symlinks=True, with_pip=False)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "darkroom_fault.py").write_text(fault)
    lines = [*site.getsitepackages(), *map(str, SOURCES), "import darkroom_fault"]
    (packages / "darkroom_fault.pth").write_text("\n".join(lines))
    return folder / "bin" / "python"
