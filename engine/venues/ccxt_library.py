"""The ccxt library, loaded no further than needed, and pointed where the settings say.

`import ccxt.async_support` loads every venue there is: 0.64 s and 70 MB. Loading only the wanted
module takes 0.16 s and 20 MB (medians of three, warm, binance). ccxt's two `__init__` modules do
nothing but import, so two empty packages with the few names that its base modules ask for stand in
for them. After that, `import ccxt` finds the stand-in: nobody else here imports ccxt by itself.

The base of all clients also imports `requests`, for clients that block, which nobody makes here:
40 ms and 6 MB, most of it code pages. While ccxt loads, three modules with the names that it asks
for stand in for it; whoever imports `requests` afterwards gets the real one.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import sys
import threading
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from engine.errors import InvalidInput

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


def fault_classes() -> ModuleType:
    """Give ccxt's module of exception classes."""
    with _LOADING:
        _stand_in()
        return importlib.import_module("ccxt.base.errors")


def rebased(addresses: object, api_url: str) -> object:
    """Replace scheme and host of every address in a nested mapping, and keep each path."""
    if isinstance(addresses, Mapping):
        return {key: rebased(value, api_url) for key, value in addresses.items()}
    if not isinstance(addresses, str) or "//" not in addresses:
        return addresses
    host, address = urlsplit(api_url), urlsplit(addresses)
    path = host.path.rstrip("/") + address.path
    return urlunsplit((host.scheme, host.netloc, path, address.query, address.fragment))


def _stand_in() -> None:
    if "ccxt" in sys.modules:
        return
    root = _empty("ccxt")
    with _without_requests():
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


def _empty(name: str) -> ModuleType:
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"{name} is not installed")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    return module
