"""The files that the house rules read: ours, tracked or not yet, and nothing that tools made."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("engine", "storage", "bot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Hold one Python file, read and parsed; `path` is relative to the root, with slashes."""

    path: str
    text: str
    tree: ast.Module

    @classmethod
    def parse(cls, path: str, text: str) -> "Source":
        return cls(path=path, text=text, tree=ast.parse(text, filename=path))

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def package(self) -> str:
        return self.path.partition("/")[0]

    def at(self, node: ast.stmt | ast.expr | ast.excepthandler, fault: str) -> str:
        return f"{self.path}:{node.lineno}: {fault}"

    def comments_at(self, line: int) -> str:
        """Give the comment on a line and the comment lines straight above it."""
        lines = self.lines
        found = [lines[line - 1].partition("#")[2]] if "#" in lines[line - 1] else []
        above = line - 2
        while above >= 0 and lines[above].lstrip().startswith("#"):
            found.append(lines[above].partition("#")[2])
            above -= 1
        return "\n".join(found)

    def imports(self) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
        """Yield every import with the name it reaches for; `from a import b` as a and as a.b."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node, alias.name
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                yield node, base
                for alias in node.names:
                    yield node, f"{base}.{alias.name}"

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        depth = node.level - (1 if self.path.endswith("/__init__.py") else 0)
        parents = self.module.split(".")
        kept = parents[: len(parents) - depth] if depth else parents
        return ".".join([*kept, *([node.module] if node.module else [])])


@cache
def python_sources(package: str) -> tuple[Source, ...]:
    """Parse every Python file of a package that exists so far."""
    return tuple(
        Source.parse(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / package).rglob("*.py"))
    )


def house_sources() -> Iterator[Source]:
    for package in PACKAGES:
        yield from python_sources(package)


@cache
def tracked_texts() -> tuple[tuple[str, str], ...]:
    """Read every tracked text file as (path, text); a picture or a database is left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=30
    )
    texts = []
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b""
        if b"\0" not in content[:4096]:
            texts.append((name, content.decode(errors="replace")))
    return tuple(texts)
