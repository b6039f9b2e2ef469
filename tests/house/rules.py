"""The house rules of DESIGN 6, each as a function from a source to the sentences of its faults."""

import ast
import re
import sys
from collections.abc import Iterator

from tests.house.sources import PACKAGES, Source

FILE_LINES_MAX = 350
FUNCTION_LINES_MAX = 60
PORT_METHODS_MAX = 6
EXCUSE = "Long because"

# Values in, values out: no I/O, clock, randomness or log (DESIGN 3.1). Every module of the engine
# is pure but these: the loop, what it talks to, the ports it talks through, and what runs it.
_ROOMS = (
    "ports loop gathering counted inbox detour emergency monitor watch dispatch runtime execution "
    "journal_memory"
)
SHELL = frozenset(f"{_ROOMS} venues markets".split())
IMPURE_LIBRARIES = frozenset(
    "asyncio time random os logging secrets socket ssl threading subprocess multiprocessing "
    "concurrent tempfile shutil pathlib io sys signal".split()
)
# Which libraries belong to whom; a path is a prefix.
LIBRARY_ROOMS = {
    "telegram": ("bot/",),
    "sqlalchemy": ("storage/",),
    "sqlmodel": ("storage/",),
    "ccxt": ("engine/venues/", "engine/markets/"),
}
BELOW = {"engine": ("storage", "bot"), "storage": ("bot",), "bot": ()}

FORBIDDEN_NAMES = frozenset("manager managers helper helpers util utils common data misc".split())
SYNONYMS = {
    "Exchange": "Venue",
    "Broker": "Venue",
    "Deal": "Fill",
    "Trade": "Fill",
    "Panic": "kill switch",
}
# Across the counter the venue's own words hold: its trade becomes our fill.
VENUE_ROOMS = ("engine/venues/",)
# The one module that asks the machine for the time, and the sandbox: it plays Telegram's server,
# which has a clock of its own.
CLOCK_ROOMS = ("bot/sandbox/",)
CLOCK_CALLS = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
    ("time", "time"), ("time", "time_ns"),
}  # fmt: skip
# Statistics describe, nothing is decided from them: quantiles and averages are floats there, and
# the seed's metrics are plain numbers.
STATISTICS = ("engine/performance", "engine/markouts")
PRINTING = ("bot/__main__.py", "bot/cli")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_pure(source: Source) -> bool:
    parts = source.module.split(".")
    return len(parts) > 1 and parts[0] == "engine" and parts[1] not in SHELL


def layering(source: Source) -> Iterator[str]:
    """Dependencies run bot -> storage -> engine, and each library has its room."""
    for node, name in source.imports():
        root = name.partition(".")[0]
        if root in BELOW[source.package]:
            yield source.at(node, f"{source.package} imports {root}")
        rooms = LIBRARY_ROOMS.get(root)
        if rooms is not None and not source.path.startswith(rooms):
            yield source.at(node, f"imports {root}, which belongs to {' and '.join(rooms)}")
        if root == "telegram" and source.path.startswith("bot/screens"):
            yield source.at(node, "a screen imports telegram")
        third_party = root not in sys.stdlib_module_names and root not in (*PACKAGES, "tests")
        if source.package == "engine" and third_party and rooms is None:
            yield source.at(node, f"engine imports the library {root}")


def purity(source: Source) -> Iterator[str]:
    """A pure module reaches for nothing but values, and only for other pure modules."""
    if not is_pure(source):
        return
    for node, name in source.imports():
        root, *rest = name.split(".")
        if root in IMPURE_LIBRARIES:
            yield source.at(node, f"a pure module imports {root}")
        elif root not in sys.stdlib_module_names and root != "engine":
            yield source.at(node, f"a pure module imports the library {root}")
        elif root == "engine" and rest and rest[0] in SHELL:
            yield source.at(node, f"a pure module imports engine.{rest[0]}, which is not pure")
    for each in ast.walk(source.tree):
        if isinstance(each, ast.Attribute) and each.attr in ("uuid1", "uuid4", "getrandbits"):
            yield source.at(each, "a pure module rolls dice")


def length(source: Source) -> Iterator[str]:
    """A file has 350 lines, a function 60, unless its docstring says why it is long."""
    count = len(source.lines)
    if count > FILE_LINES_MAX and EXCUSE not in (ast.get_docstring(source.tree) or ""):
        yield f"{source.path}: {count} lines, and no docstring says why ({EXCUSE!r})"
    for node in ast.walk(source.tree):
        if isinstance(node, Function):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX and EXCUSE not in (ast.get_docstring(node) or ""):
                yield source.at(node, f"{node.name} has {lines} lines ({EXCUSE!r} is missing)")


def floats(source: Source) -> Iterator[str]:
    """Engine and storage know no float: literal, annotation or conversion.

    Allowed: confidence, statistics modules, and what is no amount at all: seconds, which timedelta
    gives and asyncio takes as floats (the latter in modules that are not pure). An annotation that
    also names Decimal is the edge where a caller's number comes in (DESIGN 5), through str.
    """
    if source.package == "bot" or source.path.startswith(STATISTICS):
        return
    lines = source.lines
    seconds = re.compile(r"\b\w*_(s|ms)\b|\b_?[A-Z0-9_]+_M?S\b|\bsleep\(|\btimeout\(|\bmonotonic\b")
    for node, what in _floats_in(source.tree):
        line = lines[node.lineno - 1]
        if "confidence" in line.lower() or ".total_seconds()" in line:
            continue
        if not is_pure(source) and seconds.search(line):
            continue
        yield source.at(node, f"{what}: {line.strip()}")


def _floats_in(tree: ast.Module) -> Iterator[tuple[ast.expr, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float()):
                yield node, "a float literal"
            case ast.Call(func=ast.Name(id="float")):
                yield node, "a conversion to float"
            case ast.AnnAssign(annotation=note) | ast.arg(annotation=ast.expr() as note):
                yield from _float_annotation(note)
            case (
                ast.FunctionDef(returns=ast.expr() as note)
                | ast.AsyncFunctionDef(returns=ast.expr() as note)
            ):
                yield from _float_annotation(note)


def _float_annotation(note: ast.expr) -> Iterator[tuple[ast.expr, str]]:
    names = {each.id for each in ast.walk(note) if isinstance(each, ast.Name)}
    if "float" in names and "Decimal" not in names:
        yield note, "a float annotation"


def naive_times(source: Source) -> Iterator[str]:
    """Every datetime is aware: built with a zone, read with a zone."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        keywords = {each.arg for each in node.keywords}
        match node.func:
            case (
                ast.Name(id="datetime")
                | ast.Attribute(value=ast.Name(id="datetime"), attr="datetime")
            ):
                if "tzinfo" not in keywords and len(node.args) < 8:
                    yield source.at(node, "a datetime without a zone")
            case ast.Attribute(attr="utcnow" | "utcfromtimestamp" as name):
                yield source.at(node, f"{name}() gives a naive time")
            case ast.Attribute(value=ast.Name(id="datetime"), attr="now") if not (
                node.args or keywords
            ):
                yield source.at(node, "now() without a zone")
            case ast.Attribute(attr="fromtimestamp") if len(node.args) + len(keywords) < 2:
                yield source.at(node, "fromtimestamp() without a zone")


def clock_calls(source: Source) -> Iterator[str]:
    """Name each place that asks the machine for the wall clock."""
    if source.path.startswith(CLOCK_ROOMS):
        return
    for node in ast.walk(source.tree):
        match node:
            case (
                ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name))
                | ast.Call(func=ast.Attribute(value=ast.Attribute(attr=owner), attr=name))
            ) if (owner, name) in CLOCK_CALLS:
                yield source.at(node, f"{owner}.{name}()")


def broad_excepts(source: Source) -> Iterator[str]:
    """A broad except stands at a task's or thread's boundary, with a comment that says why.

    One that only cleans up, and ends by raising again what it caught, lets nothing through.
    """
    for node in ast.walk(source.tree):
        match node:
            case ast.ExceptHandler(type=None):
                broad = True
            case ast.ExceptHandler(type=ast.expr() as kind):
                broad = bool(_names(kind) & {"Exception", "BaseException"})
            case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress")):
                broad = any(_names(each) & {"Exception", "BaseException"} for each in node.args)
            case _:
                continue
        assert isinstance(node, ast.ExceptHandler | ast.Call)
        if isinstance(node, ast.ExceptHandler):
            match node.body[-1]:
                case ast.Raise(exc=None):
                    continue
        reason = source.comments_at(node.lineno)
        if node.lineno < len(source.lines):
            following = source.lines[node.lineno].strip()
            reason += following if following.startswith("#") else ""
        if broad and not re.search(r"(task|thread)(?:'s)? boundary: *\S", reason):
            yield source.at(node, "a broad except without '# task boundary: why'")


def _names(node: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def names(source: Source) -> Iterator[str]:
    """No module or class is named by a word that says nothing, or by a synonym (DESIGN 1, 6.2)."""
    for part in source.path.removesuffix(".py").split("/"):
        for word in FORBIDDEN_NAMES.intersection(part.lower().split("_")):
            yield f"{source.path}: a module named {word}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            parts = re.findall(r"[A-Z][a-z0-9]*", node.name)
            for word in parts:
                if word.lower() in FORBIDDEN_NAMES:
                    yield source.at(node, f"the class {node.name} is named by {word}")
                elif word in SYNONYMS and not source.path.startswith(VENUE_ROOMS):
                    yield source.at(node, f"the class {node.name}: we say {SYNONYMS[word]}")


def prints(source: Source) -> Iterator[str]:
    """Only the command line prints; everybody else logs."""
    if source.path.startswith(PRINTING):
        return
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "print"
        ):
            yield source.at(node, "print outside the command line")


def late_imports(source: Source) -> Iterator[str]:
    """An import inside a function carries a comment with what it gains."""
    for function in ast.walk(source.tree):
        if not isinstance(function, Function):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                reason = source.comments_at(node.lineno)
                if not re.sub(r"(noqa|type: ignore)\S*(\s*[A-Z]+\d+,?)*", "", reason).strip(" -:"):
                    yield source.at(node, "an import in a function without a reason")


def domain_types(source: Source) -> Iterator[str]:
    """A dataclass of a pure module is frozen, has slots, and takes keywords only."""
    if not is_pure(source):
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            name = call.func if call else decorator
            if isinstance(name, ast.Name) and name.id == "dataclass":
                given = {each.arg for each in call.keywords} if call else set()
                missing = {"frozen", "slots", "kw_only"} - given
                if missing:
                    yield source.at(node, f"{node.name} lacks {', '.join(sorted(missing))}")


def bounds(source: Source) -> Iterator[str]:
    """Every queue has a bound; a task outside a TaskGroup says on its line why it lives there."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="Queue" | "PriorityQueue" | "LifoQueue" | "SimpleQueue"),
                args=[],
                keywords=[],
            ):
                yield source.at(node, "a queue without a bound")
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="asyncio"), attr="create_task")
                | ast.Attribute(attr="ensure_future")
            ) if not source.comments_at(node.lineno):
                yield source.at(node, "a task outside a TaskGroup, without a reason")


def ports(source: Source) -> Iterator[str]:
    """A port has six methods at most."""
    if source.module != "engine.ports":
        return
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef) and "Protocol" in {
            name for base in node.bases for name in _names(base)
        }:
            methods = [
                each
                for each in node.body
                if isinstance(each, Function)
                and not any("property" in _names(decorator) for decorator in each.decorator_list)
            ]
            if len(methods) > PORT_METHODS_MAX:
                yield source.at(node, f"the port {node.name} has {len(methods)} methods")


def silence(source: Source) -> Iterator[str]:
    """Nothing ends in `else: pass`: a union is matched to its end (DESIGN 6.7)."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.If | ast.For | ast.While | ast.Try):
            match node.orelse:
                case [ast.Pass() as last]:
                    yield source.at(last, "else: pass")


SOURCE_RULES = (
    layering,
    purity,
    length,
    floats,
    naive_times,
    broad_excepts,
    names,
    prints,
    late_imports,
    domain_types,
    bounds,
    ports,
    silence,
)
