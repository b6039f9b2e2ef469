import io
import json
import logging
import sys
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram.error import InvalidToken

from bot.log import LineFormatter, RedactingFilter, Redactor, install
from bot.sandbox.server import Sandbox
from bot.secret import Secret
from tests.bot.speech.conftest import client_of

BOT_NUMBER = "7354812345"
TOKEN = f"{BOT_NUMBER}:AAHk3jfu-Xq9_vYt2LmNopQrStUvWxYz012"
KEY = 'a"key\\with/odd?characters'


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Send the process's log to a text for the length of a test."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, sys.excepthook)
    stream = io.StringIO()
    install(secrets=[Secret(TOKEN), Secret(KEY)], level=logging.DEBUG, stream=stream)
    yield stream
    logging.captureWarnings(capture=False)
    for handler in list(root.handlers):
        root.removeHandler(handler)
    for handler in before[0]:
        root.addHandler(handler)
    root.setLevel(before[1])
    sys.excepthook = before[2]


def fail(fault: Exception) -> None:
    raise fault


def test_a_line_carries_the_fields_that_a_reader_searches_for(lines: io.StringIO) -> None:
    logging.getLogger("engine.loop").info(
        "order submitted",
        extra={"command_id": "tg:1:2", "client_order_id": "qd7", "seq": 41, "note": "two words"},
    )

    (line,) = lines.getvalue().splitlines()
    assert 'level=info logger=engine.loop event="order submitted"' in line
    assert "command_id=tg:1:2" in line
    assert "client_order_id=qd7" in line
    assert "seq=41" in line
    assert 'note="two words"' in line


@pytest.mark.parametrize("secret", [TOKEN, KEY])
def test_a_secret_never_appears_wherever_it_stands(lines: io.StringIO, secret: str) -> None:
    log = logging.getLogger("bot.somewhere")
    log.info("says %s", secret)
    log.info(secret)
    log.info("in a field", extra={"reason": f"bad {secret}", "details": {"key": secret}})
    log.info("in bytes %r", secret.encode())
    log.info(json.dumps({"token": secret}))
    try:
        fail(ValueError(secret))
    except ValueError:
        log.exception("failed")
    log.info("with a stack of %s", [secret], stack_info=True)

    assert "***" in lines.getvalue()
    assert secret not in lines.getvalue()
    assert json.dumps(secret)[1:-1] not in lines.getvalue()
    assert len(lines.getvalue().splitlines()) == 7


@pytest.mark.parametrize(
    ("text", "leak"),
    [
        ("POST https://api.telegram.org/bot1234567890:AAFakeFakeFakeFakeFakeFake/getMe", "AAFake"),
        ("GET http://127.0.0.1:8081/file/bot99:short/photo.png", "99:short"),
        ("token 1234567890:AAFakeFakeFakeFakeFakeFake rejected", "AAFake"),
        ("postgresql://qd:pass1word@db.example/qd", "pass1word"),
        ("redis://:pass1word@cache:6379", "pass1word"),
        ("Authorization: Bearer abcdef123456789", "abcdef123456789"),
        ("?symbol=BTCUSDT&signature=0123456789abcdef&timestamp=1", "0123456789abcdef"),
        ('{"apiKey": "k3yk3yk3y", "secret": "s3cr3t"}', "s3cr3t"),
        ("{'api_secret': 's3cr3t'}", "s3cr3t"),
        ("BINANCE_API_KEY=k3yk3yk3y", "k3yk3yk3y"),
        ("code: 123456", "123456"),
        ("POST /telegram/hJ8s-92kfLq_0sdKslq was refused", "hJ8s-92kfLq_0sdKslq"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_even_if_nobody_named_it(text: str, leak: str) -> None:
    assert leak not in Redactor().clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "command_id=tg:4242:17 client_order_id=qdabcdefghjkmnpqrstuvwxyz2",
        "binance:BTC/USDT filled 0.00407 at 61245.10",
        "schedule:sample_equity:2026-03-01T12:30:00+00:00",
        "http://127.0.0.1:8080/healthz",
        "trader 77 halted; event 1846",
    ],
)
def test_what_a_reader_needs_is_left_alone(text: str) -> None:
    assert Redactor().clean(text) == text


def test_a_field_named_as_a_secret_is_hidden_whatever_it_holds(lines: io.StringIO) -> None:
    logging.getLogger("bot").info("settings", extra={"api_key": "plain", "port": 8080})

    assert "plain" not in lines.getvalue()
    assert "port=8080" in lines.getvalue()


def test_a_learned_secret_is_hidden_from_then_on() -> None:
    redactor = Redactor()
    assert redactor.clean("open sesame now") == "open sesame now"

    redactor.learn(Secret("open sesame"))

    assert redactor.clean("open sesame now") == "*** now"


def test_a_record_whose_arguments_do_not_fit_is_still_written(lines: io.StringIO) -> None:
    record = ("%d of %d", "one")
    logging.getLogger("bot").info(*record)

    assert "arguments do not fit" in lines.getvalue()


@given(text=st.text())
def test_every_record_is_one_line(text: str) -> None:
    record = logging.makeLogRecord({"msg": text, "name": "x", "levelname": "INFO", "field": text})
    RedactingFilter(Redactor()).filter(record)

    line = LineFormatter().format(record)

    assert len(line.splitlines()) == 1


def test_an_uncaught_exception_is_logged_without_its_secret(lines: io.StringIO) -> None:
    try:
        fail(InvalidToken(f"The token `{TOKEN}` was rejected by the server."))
    except InvalidToken as crash:
        sys.excepthook(type(crash), crash, crash.__traceback__)

    assert "event=crashed" in lines.getvalue()
    assert TOKEN not in lines.getvalue()


async def test_talking_to_telegram_writes_no_address(lines: io.StringIO, phones: Sandbox) -> None:
    async with client_of(phones) as bot:
        await bot.get_me()
    async with httpx.AsyncClient() as client:
        await client.get(f"{phones.url}/bot{TOKEN}/getMe")

    assert phones.token not in lines.getvalue()
    assert TOKEN not in lines.getvalue()
    assert "HTTP Request" not in lines.getvalue()
