"""Trees: copies of the source in temporary folders; a mutant never touches the working tree."""

import shutil
from pathlib import Path

from tests.mutants.mutant import Mutant, planted

ROOT = Path(__file__).parents[2]
COPIED = ("engine", "storage", "bot", "tests", "pyproject.toml", "README.md", "deploy", "docs")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "golden", "*.db", "*.lock")


def snapshot(folder: Path) -> Path:
    """Copy what is tested into a folder, so that edits elsewhere change no run under way."""
    tree = folder / "tree"
    tree.mkdir(parents=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=LEFT_OUT)
        elif (ROOT / name).exists():
            shutil.copy2(ROOT / name, tree / name)
    return tree


def mutated(tree: Path, mutant: Mutant, folder: Path) -> Path:
    """Copy a tree into a folder with the mutant planted. Raises: OriginalGone."""
    copy = folder / mutant.name
    shutil.copytree(tree, copy)
    for path in mutant.paths:
        text = (copy / path).read_text(encoding="utf-8")
        (copy / path).write_text(planted(text, mutant, path), encoding="utf-8")
    return copy
