"""ccxt loads without what blocking clients need, and leaves nothing in its place."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from engine.venues.ccxt_library import client_class, reading_decimals

ROOT = Path(__file__).resolve().parents[3]


def shown(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_venue_loads_without_the_library_of_clients_that_block() -> None:
    program = (
        "import sys; from engine.venues.ccxt_library import client_class; "
        "client_class('kraken'); "
        "print([name for name in ('requests', 'urllib3') if name in sys.modules])"
    )

    assert shown(program) == "[]"


def test_the_streams_of_a_venue_load_without_those_of_the_others() -> None:
    program = (
        "import sys; from engine.venues.ccxt_library import client_class, pro_client_class; "
        "streams = pro_client_class('bybit'); "
        "print(issubclass(streams, client_class('bybit')), client_class('kraken').__name__, "
        "sorted(n for n in sys.modules if n.startswith(('ccxt.pro.', 'ccxt.abstract.'))))"
    )

    modules = "['ccxt.abstract.bybit', 'ccxt.abstract.kraken', 'ccxt.pro.bybit']"
    assert shown(program) == f"True kraken {modules}"


def test_a_venue_without_streams_is_named() -> None:
    program = (
        "from engine.errors import InvalidInput\n"
        "from engine.venues.ccxt_library import pro_client_class\n"
        "for venue in ('zaif', 'no_such_venue'):\n"
        "    try:\n"
        "        pro_client_class(venue)\n"
        "    except InvalidInput as fault:\n"
        "        print(fault)\n"
    )

    assert shown(program) == (
        "'zaif' has no streams in ccxt.\n"
        "'no_such_venue' is no exchange that ccxt knows, such as binance."
    )


def test_who_needs_that_library_later_gets_the_real_one() -> None:
    program = (
        "from engine.venues.ccxt_library import client_class; client_class('kraken'); "
        "import requests, requests.exceptions; "
        "print(requests.Session is not None, requests.exceptions.Timeout.__module__)"
    )

    assert shown(program) == "True requests.exceptions"


def test_a_library_that_is_loaded_already_is_left_alone() -> None:
    program = (
        "import requests; from engine.venues.ccxt_library import client_class; "
        "client_class('kraken'); import sys; print(sys.modules['requests'] is requests)"
    )

    assert shown(program) == "True"


def test_a_client_names_itself_to_a_venue_as_before() -> None:
    program = (
        "import asyncio\n"
        "from importlib.metadata import version\n"
        "from engine.venues.ccxt_library import client_class\n"
        "async def main():\n"
        "    client = client_class('kraken')()\n"
        "    print(client.userAgent == f\"python-requests/{version('requests')}\")\n"
        "    await client.close()\n"
        "asyncio.run(main())\n"
    )

    assert shown(program) == "True"


def test_a_key_that_is_one_of_a_pair_signs_by_the_library_that_is_loaded_only_then() -> None:
    program = (
        "import sys\n"
        "from engine.venues.ccxt_library import client_class\n"
        "client = client_class('coinbase')\n"
        "print([each for each in sys.modules if each.startswith('cryptography')])\n"
        "print(client.ecdsa('ab' * 32, '11' * 32, 'p256', None)['r'][:16])\n"
        "print(client.eddsa(b'x', b'1' * 32)[:16])\n"
        "from cryptography.hazmat.primitives import serialization as s\n"
        "from cryptography.hazmat.primitives.asymmetric import padding, rsa\n"
        "from cryptography.hazmat.primitives.hashes import SHA256\n"
        "import base64\n"
        "pair = rsa.generate_private_key(65537, 2048)\n"
        "pem = pair.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())\n"
        "signed = base64.b64decode(client.rsa('x', pem.decode()))\n"
        "print(pair.public_key().verify(signed, b'x', padding.PKCS1v15(), SHA256()))\n"
    )

    assert shown(program).splitlines() == ["[]", "43d0427db535d71b", "dMheWANcuDMKf2U8", "None"]


def test_a_client_reads_the_decimals_that_it_wrote_and_nothing_else_otherwise() -> None:
    client = client_class("binance")()
    row = {"a": Decimal("0.00000001"), "b": "", "c": Decimal("NaN"), "d": "text", "e": 7}
    assert client.safe_string(row, "a") is None  # as ccxt has it

    reading_decimals(client)

    assert client.safe_string(row, "a") == "0.00000001"
    assert client.safe_string_2(row, "x", "a") == "0.00000001"
    assert client.safe_string_2(row, "a", "d") == "0.00000001"
    assert client.safe_string_2(row, "d", "a") == "text"
    assert client.safe_string_n(row, ["b", "x", "a"]) == "0.00000001"
    assert [client.safe_string(row, key, "none") for key in "bcxde"] == [
        "none", "none", "none", "text", "7",
    ]  # fmt: skip
    assert client.safe_string_2(row, "x", "b", "none") == "none"
    assert client.safe_string_n(row, ["x", "c"], "none") == "none"
    assert client.safe_string(None, "a", "none") == "none"
    assert client.safe_string([Decimal(3)], 0) == "3"
