"""The ccxt library, loaded no further than needed, and pointed where the settings say.

`import ccxt.async_support` loads every venue there is: 0.64 s and 70 MB. Loading only the wanted
module takes 0.16 s and 20 MB (medians of three, warm, binance). ccxt's two `__init__` modules do
nothing but import, so two empty packages with the few names that its base modules ask for stand in
for them. After that, `import ccxt` finds the stand-in: nobody else here imports ccxt by itself.
"""

import importlib
import importlib.util
import sys
import threading
from collections.abc import Mapping
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from engine.errors import InvalidInput

_LOADING = threading.Lock()


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
    faults = importlib.import_module("ccxt.base.errors")
    vars(root).update({k: v for k, v in vars(faults).items() if not k.startswith("_")})
    # the websocket client of ccxt asks the root for its base class by this name
    vars(root)["Exchange"] = importlib.import_module("ccxt.base.exchange").Exchange
    vars(root)["async_support"] = _empty("ccxt.async_support")


def _empty(name: str) -> ModuleType:
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"{name} is not installed")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    return module
