"""The ccxt library, loaded no further than needed, and pointed where the settings say.

`import ccxt.async_support` loads every venue there is: 0.64 s and 70 MB. Loading only the wanted
module takes 0.16 s and 20 MB (medians of three, warm, binance). ccxt's two `__init__` modules do
nothing but import, so two empty packages with the few names that its base modules ask for stand in
for them. After that, `import ccxt` finds the stand-in: nobody else here imports ccxt by itself.
With streams, `import ccxt.pro` takes 0.71 s and 79 MB, our way 0.30 s and 18 MB; all twelve venues
0.42 s and 29 MB.

The base of all clients also imports `requests`, for clients that block, which nobody makes here:
40 ms and 6 MB, most of it code pages. While ccxt loads, three modules with the names that it asks
for stand in for it; whoever imports `requests` afterwards gets the real one. `cryptography` is
another 30 ms and 7 MB, for keys that are pairs of a public and a private one, as coinbase gives
them out: it is imported when the first such key signs.
"""

import asyncio
import contextlib
import functools
import importlib
import importlib.metadata
import importlib.util
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from types import ModuleType
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from engine.errors import InvalidInput

STREAM_SCHEMES = ("ws", "wss")
SANDBOX_VENUES = ("binance", "bybit", "okx", "gate", "bitget")
# Their testnets lost the swaps; demo trading has one account with both, as the venue itself has.
DEMO_VENUES = ("binance",)
# How long an address is believed; looking it up stands in the way of an order.
DNS_S = 60
_LOADING = threading.Lock()


class _NeverRaised(Exception):
    """Stand for the faults of requests that are never made."""


def _agent() -> str:
    """Name the program to a venue as `requests` does."""
    return f"python-requests/{importlib.metadata.version('requests')}"


_FAULTS = "HTTPError Timeout TooManyRedirects RequestException ConnectionError"
_REQUESTS: Mapping[str, Mapping[str, object]] = {
    "requests": {"Session": None},
    "requests.utils": {"default_user_agent": _agent},
    "requests.exceptions": dict.fromkeys(_FAULTS.split(), _NeverRaised),
}

_SIGNING = "cryptography.hazmat"
_PRIMITIVES = f"{_SIGNING}.primitives"
_SIGNING_MODULES = (
    *("cryptography", _SIGNING, _PRIMITIVES),
    *(f"{_PRIMITIVES}.{each}" for each in ("asymmetric", "asymmetric.utils", "serialization")),
)


class _Later:
    """Stand for what is imported once it is used; while ccxt loads nothing of it is."""

    is_loading: ClassVar[bool] = False

    def __init__(self, find: Callable[[], Any]) -> None:
        self._find = find

    def __getattr__(self, name: str) -> Any:
        if _Later.is_loading:
            return _Later(lambda: getattr(self._find(), name))
        return getattr(self._find(), name)

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self._find()(*args, **named)


def client_class(venue: str) -> Any:  # ccxt ships no types
    """Give ccxt's asynchronous client class of a venue.

    Raises: InvalidInput when ccxt has none of that id.
    """
    name = f"ccxt.async_support.{venue}"
    with _LOADING:
        _stand_in()
        is_listed = venue.isidentifier() and importlib.util.find_spec(name) is not None
        module = importlib.import_module(name) if is_listed else None
    found = getattr(module, venue, None)
    if found is None:
        raise InvalidInput(f"{venue!r} is no exchange that ccxt knows, such as binance.")
    return found


def pro_client_class(venue: str) -> Any:  # ccxt ships no types
    """Give ccxt.pro's client class of a venue, which also streams.

    Raises: InvalidInput when ccxt has no streams of that id.
    """
    plain = client_class(venue)
    name = f"ccxt.pro.{venue}"
    with _LOADING:
        if "ccxt.pro" not in sys.modules:
            _empty("ccxt.pro")
        # it inherits from what its package names after the venue, which is the module by now
        vars(sys.modules["ccxt.async_support"])[venue] = plain
        is_listed = importlib.util.find_spec(name) is not None
        module = importlib.import_module(name) if is_listed else None
    found = getattr(module, venue, None)
    if found is None:
        raise InvalidInput(f"{venue!r} has no streams in ccxt.")
    return found


def version() -> str:
    """Give ccxt's version: another one may describe the same market otherwise."""
    return importlib.metadata.version("ccxt")


def fault_classes() -> ModuleType:
    """Give ccxt's module of exception classes."""
    with _LOADING:
        _stand_in()
        return importlib.import_module("ccxt.base.errors")


def rebased(addresses: object, api_url: str | None, ws_url: str | None = None) -> object:
    """Replace scheme and host of every address in a nested mapping, and keep each path.

    Streams go to `ws_url`, everything else to `api_url`; where that is None they stay.
    """
    if isinstance(addresses, Mapping):
        return {key: rebased(value, api_url, ws_url) for key, value in addresses.items()}
    if not isinstance(addresses, str) or "//" not in addresses:
        return addresses
    address = urlsplit(addresses)
    url = ws_url if address.scheme in STREAM_SCHEMES else api_url
    if url is None:
        return addresses
    host = urlsplit(url)
    path = host.path.rstrip("/") + address.path
    return urlunsplit((host.scheme, host.netloc, path, address.query, address.fragment))


def pointed(
    client: Any, *, api_url: str | None, ws_url: str | None = None, sandbox: bool = False
) -> None:
    """Turn a fresh client to its venue's sandbox, and its addresses to where the settings say.

    Raises: InvalidInput when the venue has no sandbox.
    """
    if sandbox and client.id not in SANDBOX_VENUES:
        raise InvalidInput(f"{client.id} has no sandbox: only {', '.join(SANDBOX_VENUES)} have.")
    if sandbox:
        by_demo = client.id in DEMO_VENUES
        (client.enable_demo_trading if by_demo else client.set_sandbox_mode)(True)
    client.urls["api"] = rebased(client.urls["api"], api_url, ws_url)


def reading_decimals(client: Any) -> None:
    """Let a client read what it wrote itself, where its numbers are Decimals.

    ccxt reads an order or a trade more than once, and takes a Decimal for nothing the second time:
    every fee was lost, and sizes where a venue's parser goes over its own result.
    """
    for name, keys in (("safe_string", 1), ("safe_string_2", 2), ("safe_string_n", 0)):
        setattr(client, name, _or_decimal(getattr(client, name), keys))


def _or_decimal(read: Callable[..., Any], keys: int) -> Callable[..., Any]:
    """Read a Decimal where it stands first; a count of 0 takes a list of keys."""

    def reader(source: Any, *rest: Any) -> Any:
        for key in rest[:keys] if keys else rest[0]:
            try:
                value = source[key]
            except (LookupError, TypeError):
                continue
            if isinstance(value, Decimal) and value.is_finite():
                return f"{value:f}"
            if value is not None and value != "":
                break
        return read(source, *rest)

    return reader


def pooled(client: Any, *, connections_max: int, tls: ssl.SSLContext) -> None:
    """Give a client a pool of its own with so many connections; closing it closes the pool.

    ccxt would make a pool of 100, and read the list of authorities again for every client.
    """
    transport = importlib.import_module("ccxt.async_support.base.exchange").aiohttp
    client.asyncio_loop = asyncio.get_running_loop()
    client.ssl_context = tls
    client.tcp_connector = transport.TCPConnector(
        ssl=tls, limit=connections_max, ttl_dns_cache=DNS_S
    )
    client.session = transport.ClientSession(
        connector=client.tcp_connector, trust_env=client.aiohttp_trust_env
    )


def authorities(client: Any) -> ssl.SSLContext:
    """Read the list of authorities that ccxt brings, for all clients to share."""
    return ssl.create_default_context(cafile=client.cafile)


def _stand_in() -> None:
    if "ccxt" in sys.modules:
        return
    root = _empty("ccxt")
    with _without_requests(), _signing_later():
        faults = importlib.import_module("ccxt.base.errors")
    vars(root).update({k: v for k, v in vars(faults).items() if not k.startswith("_")})
    # the websocket client of ccxt asks the root for its base class by this name
    vars(root)["Exchange"] = importlib.import_module("ccxt.base.exchange").Exchange
    vars(root)["async_support"] = _empty("ccxt.async_support")


@contextlib.contextmanager
def _without_requests() -> Iterator[None]:
    """Let ccxt's base find a `requests` that can do nothing; a client that blocks cannot be made.

    Without effect where somebody has loaded `requests` already.
    """
    if "requests" in sys.modules:
        yield
        return
    modules = {name: ModuleType(name) for name in _REQUESTS}
    for name, module in modules.items():
        vars(module).update(_REQUESTS[name])
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]


@contextlib.contextmanager
def _signing_later() -> Iterator[None]:
    """Let ccxt's base find a `cryptography` that is imported when a key of a pair signs.

    Without effect where somebody has loaded it already.
    """
    if "cryptography" in sys.modules:
        yield
        return
    for name in _SIGNING_MODULES:
        module = sys.modules[name] = ModuleType(name)
        vars(module)["__getattr__"] = functools.partial(_later, name)
    _Later.is_loading = True
    try:
        yield
    finally:
        _Later.is_loading = False
        for name in _SIGNING_MODULES:
            del sys.modules[name]


def _later(module: str, name: str) -> _Later:
    """Stand for a name of a module, or for a module in it."""
    if name.startswith("__"):
        raise AttributeError(name)

    def find() -> Any:
        within = importlib.import_module(module)
        found = getattr(within, name, None)
        return importlib.import_module(f"{module}.{name}") if found is None else found

    return _Later(find)


def _empty(name: str) -> ModuleType:
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"{name} is not installed")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    return module
