"""What makes two runs of one seed differ, and where alone it may stand.

Clock, dice and threads reach the engine, the storage and the alerts only as what their constructors
are given. The order of a set depends on the process, so nobody walks over one.
"""

import ast
from collections.abc import Iterator

from tests.house.sources import Source

# The machine's clocks: one module asks them, and the sandbox plays a server of its own.
CLOCK_ROOMS = ("bot/clock.py", "bot/sandbox/")
CLOCKS = frozenset(
    "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time".split()
)
# Who draws what nobody may guess: names of journals and tokens, where a process is put together.
SECRET_ROOMS = (
    "bot/assembly.py", "bot/embed.py", "bot/demo.py", "bot/kill_switch.py", "bot/plans.py",
    "bot/sandbox/", "engine/markets/public.py",
)  # fmt: skip
# Dice without a seed are made where the process is put together, or where none were handed over.
DICE_ROOMS = ("bot/",)
THREAD_ROOMS = (
    "storage/writer.py", "storage/database.py", "storage/cache_redis.py",
    "engine/venues/ccxt_library.py",
    "storage/market_shelf.py", "engine/markets/apart.py", "bot/",
)  # fmt: skip
THREADS = frozenset({"to_thread", "run_in_executor", "Thread", "ThreadPoolExecutor", "Timer"})
# What takes a set and gives the same whatever its order is.
BLIND_TO_ORDER = frozenset({"sorted", "len", "any", "all", "min", "max", "sum", "set", "frozenset"})
ORDERED_ROOMS = ("engine/", "storage/", "bot/")


def clocks(source: Source) -> Iterator[str]:
    """The machine's clock is asked in one module; everybody else is handed a Clock."""
    if source.path.startswith(CLOCK_ROOMS):
        return
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="time"), attr=name)) if (
                name in CLOCKS
            ):
                yield source.at(node, f"asks the machine: time.{name}()")
            case ast.ImportFrom(module="time", names=imported):
                for each in imported:
                    if each.name in CLOCKS:
                        yield source.at(node, f"asks the machine: {each.name}()")


def chance(source: Source) -> Iterator[str]:
    """Dice are handed over with their seed; secrets are drawn where a process is put together."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="random"), attr="Random"), args=[]
            ) if not source.path.startswith(DICE_ROOMS):
                yield source.at(node, "dice without a seed")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="random"), attr=name)) if (
                name not in ("Random", "SystemRandom")
            ):
                yield source.at(node, f"the module's own dice: random.{name}()")
            case ast.Import(names=[ast.alias(name="secrets" | "uuid" as name)]) if not (
                source.path.startswith(SECRET_ROOMS)
            ):
                yield source.at(node, f"draws by {name}")
            case ast.Attribute(value=ast.Name(id="os"), attr="urandom" | "getrandom"):
                yield source.at(node, "draws from the machine")


def threads(source: Source) -> Iterator[str]:
    """Threads are the database's writer and readers, and what loads libraries; no others."""
    if source.path.startswith(THREAD_ROOMS):
        return
    for node in ast.walk(source.tree):
        match node:
            case ast.Attribute(attr=name) if name in THREADS:
                yield source.at(node, f"leaves the loop: {name}")
            case ast.Import(names=[ast.alias(name="threading" | "multiprocessing" as name)]):
                yield source.at(node, f"imports {name}")


def set_order(source: Source) -> Iterator[str]:
    """Nobody walks over a set: sort it first, or keep a dict."""
    if not source.path.startswith(ORDERED_ROOMS):
        return
    for scope in ast.walk(source.tree):
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        sets = _sets_of(scope)
        for node, walked in _walks(scope):
            if _is_set(walked, sets):
                yield source.at(node, f"walks over a set: {ast.unparse(walked)[:60]}")


def _sets_of(scope: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    """Name the local variables that hold sets."""
    names: set[str] = set()
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_set(value, ()):
                names.add(name)
            case ast.AnnAssign(target=ast.Name(id=name), annotation=note):
                if ast.unparse(note).startswith(("set[", "frozenset[")):
                    names.add(name)
            case ast.arg(arg=name, annotation=ast.expr() as note):
                if ast.unparse(note).startswith(("set[", "frozenset[", "Set[")):
                    names.add(name)
    return frozenset(names)


def _walks(
    scope: ast.FunctionDef | ast.AsyncFunctionDef,
) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Give each place that goes over something one by one, where the order may show."""
    blind = {
        id(each)
        for call in ast.walk(scope)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in BLIND_TO_ORDER
        for argument in call.args
        for each in (argument,)
    }
    for node in ast.walk(scope):
        match node:
            case ast.For(iter=walked):
                yield walked, walked
            case ast.ListComp(generators=generators) | ast.GeneratorExp(generators=generators):
                if id(node) not in blind:
                    for generator in generators:
                        yield node, generator.iter
            case ast.DictComp(generators=generators):
                for generator in generators:
                    yield node, generator.iter
            case ast.Call(func=ast.Name(id="list" | "tuple" | "next" | "iter"), args=[walked, *_]):
                if id(node) not in blind:
                    yield node, walked
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                for element in elements:
                    if isinstance(element, ast.Starred):
                        yield node, element.value
            case _:
                continue


def _is_set(node: ast.expr, names: frozenset[str] | tuple[()]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.Call(
            func=ast.Attribute(
                attr="union" | "intersection" | "difference" | "symmetric_difference"
            )
        ):
            return True
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub(), right=right):
            return _is_set(left, names) or _is_set(right, names) or _is_keys(left)
        case ast.Name(id=name):
            return name in names
        case _:
            return False


def _is_keys(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="keys"), args=[]):
            return True
        case _:
            return False


DETERMINISM_RULES = (clocks, chance, threads, set_order)
