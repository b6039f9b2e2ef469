"""Settings: what is accepted, what is refused, and the exact sentence of every refusal."""

import copy
import logging
import pickle
from decimal import Decimal
from pathlib import Path

import ccxt
import pytest

from bot.environment import EnvironmentFileError, read_environment
from bot.secret import Secret
from bot.settings import (
    CommandName,
    OperatorSetting,
    PaperBalance,
    Settings,
    SettingsError,
    load_settings,
)
from bot.venue_settings import PASSWORD_VENUES, SANDBOX_VENUES, VENUES
from engine.commands import Role
from engine.confirming import ConfirmMode

TOKEN = "123456:AAbb-cc_dd"
WHOLE = {"TELEGRAM_BOT_TOKEN": TOKEN, "OPERATORS": "4242:owner"}
ALL_VENUES = (
    "binance, bybit, okx, kraken, kucoin, gate, bitget, coinbase, htx, mexc, bitfinex and bitstamp"
)
LIVE_KEYS = {"EXECUTION_MODE": "live", "BINANCE_API_KEY": "key", "BINANCE_API_SECRET": "secret"}


def faults_of(changes: dict[str, str], command: CommandName = "run") -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings({**WHOLE, **changes}, for_command=command)
    return caught.value.faults


def settings_of(changes: dict[str, str], command: CommandName = "run") -> Settings:
    return load_settings({**WHOLE, **changes}, for_command=command)


NO_TOKEN = (
    "TELEGRAM_BOT_TOKEN is not set: put the token that @BotFather gave you into the environment "
    "or into .env."
)
BAD_TOKEN = (
    "TELEGRAM_BOT_TOKEN is no bot token: it must be digits, a colon, then letters and digits, as "
    "@BotFather wrote it."
)
NO_OPERATORS = (
    "OPERATORS is not set: name who is served, by numeric Telegram user id, for example "
    "4242:owner,77:trader."
)
BAD_DATABASE = (
    "DATABASE_URL is neither SQLite nor Postgres: give sqlite:///quarterdeck.db or "
    "postgresql://user:password@host/database."
)
NO_FILE = (
    "DATABASE_URL names no file: give sqlite:///quarterdeck.db for a file in this folder, or "
    "sqlite:////folder/quarterdeck.db for one elsewhere."
)
BAD_REDIS = (
    "REDIS_URL is no Redis address: give redis://host:6379, rediss://host:6379 or "
    "unix:///path/of/the.socket, or leave it out."
)
STRANGE_REDIS = (
    "REDIS_URL goes on with something strange: after the port may stand /0 or another number, and "
    "?name=value with one of db, ssl_ca_certs, ssl_cert_reqs, ssl_certfile, ssl_check_hostname or "
    "ssl_keyfile."
)


def bad_id(entry: str) -> str:
    return (
        f"OPERATORS holds {entry}: the id must be a numeric Telegram user id, "
        "not a name or a group."
    )


def bad_balance(value: str) -> str:
    return (
        f"PAPER_BALANCE is {value}: give an amount above 0 and a currency, for example 10000 USDT."
    )


def bad_percent(name: str, value: str, example: str) -> str:
    return (
        f"{name} is {value}: give a percentage above 0 and up to 100, without the sign, "
        f"for example {example}."
    )


def bad_whole(name: str, value: str, span: str, example: int) -> str:
    return f"{name} is {value}: give a whole number from {span}, for example {example}."


def no_address(name: str, kinds: str, example: str) -> str:
    return (
        f"{name} is no address: it must start with {kinds} and name a host, for example {example}."
    )


def bare_address(name: str) -> str:
    return (
        f"{name} has a user, a query or a fragment: give only scheme, host and port, "
        "for example https://localhost:8081."
    )


def together(missing: str, given: str, venue: str, needed: str) -> str:
    return f"{missing} must be set beside {given}: {venue} needs {needed} together."


HTTPS = ("https:// or http://", "https://localhost:8081")
KRAKEN = "KRAKEN_API_KEY and KRAKEN_API_SECRET"
OKX = "OKX_API_KEY, OKX_API_SECRET and OKX_API_PASSWORD"
LONG = "a text of 46 characters"

MALFORMED: list[tuple[dict[str, str], str]] = [
    ({"TELEGRAM_BOT_TOKEN": ""}, NO_TOKEN),
    ({"TELEGRAM_BOT_TOKEN": "   "}, NO_TOKEN),
    ({"TELEGRAM_BOT_TOKEN": "hello"}, BAD_TOKEN),
    ({"TELEGRAM_BOT_TOKEN": "bot123456:AAbbcc"}, BAD_TOKEN),
    ({"TELEGRAM_BOT_TOKEN": '"123456:AAbbcc"'}, BAD_TOKEN),
    ({"TELEGRAM_BOT_TOKEN": "123456:AA/../bb"}, BAD_TOKEN),
    (
        {"TELEGRAM_BOT_TOKEN": "123456:AA bb"},
        "TELEGRAM_BOT_TOKEN contains a space or a line break: paste it again, in one piece.",
    ),
    ({"TELEGRAM_API_URL": "localhost:8081"}, no_address("TELEGRAM_API_URL", *HTTPS)),
    ({"TELEGRAM_API_URL": "ftp://localhost"}, no_address("TELEGRAM_API_URL", *HTTPS)),
    ({"TELEGRAM_API_URL": "https://"}, no_address("TELEGRAM_API_URL", *HTTPS)),
    ({"TELEGRAM_API_URL": "http://localhost:port"}, no_address("TELEGRAM_API_URL", *HTTPS)),
    ({"TELEGRAM_API_URL": "http://local host"}, no_address("TELEGRAM_API_URL", *HTTPS)),
    ({"TELEGRAM_API_URL": "http://[::1"}, no_address("TELEGRAM_API_URL", *HTTPS)),
    ({"TELEGRAM_API_URL": "http://me:pw@localhost"}, bare_address("TELEGRAM_API_URL")),
    ({"TELEGRAM_API_URL": "http://localhost?x=1"}, bare_address("TELEGRAM_API_URL")),
    ({"OPERATORS": ""}, NO_OPERATORS),
    ({"OPERATORS": " , ,"}, NO_OPERATORS),
    ({"OPERATORS": "4242"}, "OPERATORS holds '4242': write id:role, for example 4242:owner."),
    ({"OPERATORS": "@alice:owner"}, bad_id("'@alice:owner'")),
    ({"OPERATORS": "-1001234:owner"}, bad_id("'-1001234:owner'")),
    ({"OPERATORS": "0:owner"}, bad_id("'0:owner'")),
    ({"OPERATORS": "99999999999999999:owner"}, bad_id("a text of 23 characters")),
    ({"OPERATORS": "4_2:owner"}, bad_id("'4_2:owner'")),
    ({"OPERATORS": "٤٢:owner"}, bad_id("'٤٢:owner'")),
    (
        {"OPERATORS": "4242:admin"},
        "OPERATORS holds '4242:admin': the role must be owner, trader or viewer.",
    ),
    (
        {"OPERATORS": "4242:owner,7:"},
        "OPERATORS holds '7:': the role must be owner, trader or viewer.",
    ),
    (
        {"OPERATORS": "4242:owner,4242:viewer"},
        "OPERATORS names the user 4242 more than once: give each user one role.",
    ),
    (
        {"OPERATORS": "77:trader,99:viewer"},
        "OPERATORS has no owner: at least one entry must be id:owner, for example 4242:owner.",
    ),
    (
        {"OPERATORS": ",".join(f"{n}:owner" for n in range(1, 102))},
        "OPERATORS names 101 people: at most 100.",
    ),
    ({"EXECUTION_MODE": "real"}, "EXECUTION_MODE is 'real': give paper or live."),
    ({"EXECUTION_MODE": "paper live"}, "EXECUTION_MODE is 'paper live': give paper or live."),
    ({"CONFIRM": "sometimes"}, "CONFIRM is 'sometimes': give always, risky or never."),
    ({"CONFIRM": "true"}, "CONFIRM is 'true': give always, risky or never."),
    ({"CONFIRM": "ri\x00sky"}, "CONFIRM is 'ri?sky': give always, risky or never."),
    ({"VENUES": "ftx"}, f"VENUES holds 'ftx': the venues are {ALL_VENUES}."),
    ({"VENUES": "binance;kraken"}, f"VENUES holds 'binance;kraken': the venues are {ALL_VENUES}."),
    ({"VENUES": ","}, f"VENUES names no venue: give one or more of {ALL_VENUES}."),
    ({"VENUES": "kraken,Kraken"}, "VENUES names kraken more than once: once is enough."),
    (
        {"VENUES": "kraken", "KRAKEN_API_KEY": "k"},
        together("KRAKEN_API_SECRET", "KRAKEN_API_KEY", "kraken", KRAKEN),
    ),
    (
        {"VENUES": "kraken", "KRAKEN_API_SECRET": "s"},
        together("KRAKEN_API_KEY", "KRAKEN_API_SECRET", "kraken", KRAKEN),
    ),
    (
        {"VENUES": "okx", "OKX_API_KEY": "k", "OKX_API_SECRET": "s"},
        together("OKX_API_PASSWORD", "OKX_API_KEY and OKX_API_SECRET", "okx", OKX),
    ),
    (
        {"EXECUTION_MODE": "live"},
        (
            "EXECUTION_MODE is live, so BINANCE_API_KEY and BINANCE_API_SECRET must be set; "
            "or take binance out of VENUES."
        ),
    ),
    (
        {**LIVE_KEYS, "VENUES": "binance,okx"},
        (
            "EXECUTION_MODE is live, so OKX_API_KEY, OKX_API_SECRET and OKX_API_PASSWORD must be "
            "set; or take okx out of VENUES."
        ),
    ),
    (
        {"BINANCE_API_KEY": "a b", "BINANCE_API_SECRET": "s"},
        "BINANCE_API_KEY contains a space or a line break: paste it again, in one piece.",
    ),
    (
        {"BINANCE_API_KEY": "k", "BINANCE_API_SECRET": "one\ntwo"},
        "BINANCE_API_SECRET contains a space or a line break: paste it again, in one piece.",
    ),
    (
        {"BINANCE_API_KEY": "k" * 16_385, "BINANCE_API_SECRET": "s"},
        "BINANCE_API_KEY is longer than 16384 characters.",
    ),
    ({"BINANCE_SANDBOX": "testnet"}, "BINANCE_SANDBOX is 'testnet': give true or false."),
    ({"BINANCE_SANDBOX": "2"}, "BINANCE_SANDBOX is '2': give true or false."),
    (
        {"VENUES": "kraken", "KRAKEN_SANDBOX": "true"},
        (
            "KRAKEN_SANDBOX is on, but kraken has no testnet: only binance, bybit, okx, gate and "
            "bitget have one. Use EXECUTION_MODE=paper instead."
        ),
    ),
    ({"BINANCE_API_URL": "127.0.0.1:9"}, no_address("BINANCE_API_URL", *HTTPS)),
    ({"BINANCE_API_URL": "wss://localhost"}, no_address("BINANCE_API_URL", *HTTPS)),
    (
        {"BINANCE_API_URL": "http://localhost:9/api/v3"},
        (
            "BINANCE_API_URL has a path: give only scheme, host and port, for example "
            "https://localhost:8081; the path of each request is kept."
        ),
    ),
    (
        {"BINANCE_WS_URL": "http://localhost:9"},
        no_address("BINANCE_WS_URL", "wss:// or ws://", "wss://localhost:8081"),
    ),
    ({"DATABASE_URL": "mysql://localhost/x"}, BAD_DATABASE),
    ({"DATABASE_URL": "quarterdeck.db"}, BAD_DATABASE),
    ({"DATABASE_URL": "sqlite+aiosqlite:///x.db"}, BAD_DATABASE),
    ({"DATABASE_URL": "postgresql+asyncpg://localhost/x"}, BAD_DATABASE),
    ({"DATABASE_URL": "postgresql://host:port/x"}, BAD_DATABASE),
    ({"DATABASE_URL": "sqlite://"}, NO_FILE),
    ({"DATABASE_URL": "sqlite:///"}, NO_FILE),
    ({"DATABASE_URL": "sqlite://quarterdeck.db"}, NO_FILE),
    ({"DATABASE_URL": "sqlite:///:memory:"}, NO_FILE),
    (
        {"DATABASE_URL": "postgres://user:pw@host"},
        (
            "DATABASE_URL names no database: end it with /database, as in "
            "postgresql://user:password@host/database."
        ),
    ),
    ({"REDIS_URL": "localhost:6379"}, BAD_REDIS),
    ({"REDIS_URL": "http://localhost:6379"}, BAD_REDIS),
    ({"REDIS_URL": "redis://"}, BAD_REDIS),
    ({"REDIS_URL": "redis://host:six"}, BAD_REDIS),
    ({"REDIS_URL": "redis://host:6379/first"}, STRANGE_REDIS),
    ({"REDIS_URL": "redis://host?db=one"}, STRANGE_REDIS),
    ({"REDIS_URL": "redis://host?socket_timeout=30"}, STRANGE_REDIS),
    ({"REDIS_URL": "unix:///var/run/redis.sock?max_connections=1"}, STRANGE_REDIS),
    ({"PAPER_BALANCE": "10000"}, bad_balance("'10000'")),
    ({"PAPER_BALANCE": "USDT 10000"}, bad_balance("'USDT 10000'")),
    ({"PAPER_BALANCE": "-5 USDT"}, bad_balance("'-5 USDT'")),
    ({"PAPER_BALANCE": "0 USDT"}, bad_balance("'0 USDT'")),
    ({"PAPER_BALANCE": "nan USDT"}, bad_balance("'nan USDT'")),
    ({"PAPER_BALANCE": "Infinity USDT"}, bad_balance("'Infinity USDT'")),
    ({"PAPER_BALANCE": "1e9 USDT"}, bad_balance("'1e9 USDT'")),
    ({"PAPER_BALANCE": "10,000 USDT"}, bad_balance("'10,000 USDT'")),
    ({"PAPER_BALANCE": "9999999999999999 USD"}, bad_balance("'9999999999999999 USD'")),
    ({"PAPER_BALANCE": "10000 US$"}, bad_balance("'10000 US$'")),
    ({"MAX_POSITIONS": "0"}, bad_whole("MAX_POSITIONS", "'0'", "1 to 1000", 10)),
    ({"MAX_POSITIONS": "-1"}, bad_whole("MAX_POSITIONS", "'-1'", "1 to 1000", 10)),
    ({"MAX_POSITIONS": "ten"}, bad_whole("MAX_POSITIONS", "'ten'", "1 to 1000", 10)),
    ({"MAX_POSITIONS": "10.0"}, bad_whole("MAX_POSITIONS", "'10.0'", "1 to 1000", 10)),
    ({"MAX_POSITIONS": "1001"}, bad_whole("MAX_POSITIONS", "'1001'", "1 to 1000", 10)),
    ({"MAX_DRAWDOWN_PCT": "0"}, bad_percent("MAX_DRAWDOWN_PCT", "'0'", "10.0")),
    ({"MAX_DRAWDOWN_PCT": "10%"}, bad_percent("MAX_DRAWDOWN_PCT", "'10%'", "10.0")),
    ({"MAX_DRAWDOWN_PCT": "100.1"}, bad_percent("MAX_DRAWDOWN_PCT", "'100.1'", "10.0")),
    ({"MAX_DRAWDOWN_PCT": "inf"}, bad_percent("MAX_DRAWDOWN_PCT", "'inf'", "10.0")),
    ({"DAILY_LOSS_LIMIT_PCT": "2,0"}, bad_percent("DAILY_LOSS_LIMIT_PCT", "'2,0'", "2.0")),
    ({"DAILY_LOSS_LIMIT_PCT": "-2"}, bad_percent("DAILY_LOSS_LIMIT_PCT", "'-2'", "2.0")),
    ({"DAILY_LOSS_LIMIT_PCT": "NaN"}, bad_percent("DAILY_LOSS_LIMIT_PCT", "'NaN'", "2.0")),
    (
        {"SECRET_KEY": "two words"},
        "SECRET_KEY contains a space or a line break: paste it again, in one piece.",
    ),
    ({"PORT": "http"}, bad_whole("PORT", "'http'", "0 to 65535", 8080)),
    ({"PORT": "65536"}, bad_whole("PORT", "'65536'", "0 to 65535", 8080)),
    ({"PORT": "-1"}, bad_whole("PORT", "'-1'", "0 to 65535", 8080)),
    ({"PORT": "8080/tcp"}, bad_whole("PORT", "'8080/tcp'", "0 to 65535", 8080)),
    ({"PORT": "1" * 46}, bad_whole("PORT", LONG, "0 to 65535", 8080)),
    (
        {"PORT": "8080", "METRICS_TOKEN": "a b"},
        "METRICS_TOKEN contains a space or a line break: paste it again, in one piece.",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), MALFORMED)
def test_a_malformed_setting_is_refused_with_its_sentence(
    changes: dict[str, str], sentence: str
) -> None:
    assert faults_of(changes) == (sentence,)


def test_every_fault_is_reported_at_once() -> None:
    faults = faults_of({"TELEGRAM_BOT_TOKEN": "", "OPERATORS": "x", "PORT": "y", "CONFIRM": "z"})

    assert [fault.split()[0] for fault in faults] == [
        "TELEGRAM_BOT_TOKEN",
        "OPERATORS",
        "CONFIRM",
        "PORT",
    ]


def test_several_faults_of_one_list_are_each_reported() -> None:
    faults = faults_of({"OPERATORS": "alice:owner,7:boss,8", "VENUES": "ftx,mtgox"})

    assert len(faults) == 5


def test_no_sentence_shows_a_secret() -> None:
    secret = "hunter2-hunter2-hunter2"
    names = (
        "TELEGRAM_BOT_TOKEN",
        "BINANCE_API_KEY",
        "BINANCE_API_SECRET",
        "BINANCE_API_PASSWORD",
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "METRICS_TOKEN",
    )

    faults = faults_of(dict.fromkeys(names, f"{secret} {secret}"))

    assert len(faults) == len(names)
    assert "hunter2" not in " ".join(faults)


def test_a_token_pasted_into_the_wrong_variable_is_not_shown() -> None:
    token = "123456789:" + "hunter2" * 5
    names = ("OPERATORS", "VENUES", "PORT", "CONFIRM", "EXECUTION_MODE", "PAPER_BALANCE")

    faults = faults_of(dict.fromkeys(names, token))

    assert len(faults) == len(names)
    assert "hunter2" not in " ".join(faults)


def test_two_variables_are_enough_and_the_rest_has_its_documented_default() -> None:
    settings = settings_of({})

    assert settings.telegram_token == Secret(TOKEN)
    assert settings.telegram_api_url == "https://api.telegram.org"
    assert settings.operators == (OperatorSetting(user_id=4242, role=Role.OWNER),)
    assert settings.mode == "paper"
    assert settings.confirm is ConfirmMode.RISKY
    assert [venue.venue for venue in settings.venues] == ["binance"]
    assert settings.database_url == Secret("sqlite:///quarterdeck-paper.db")
    assert settings.redis_url is None
    assert settings.paper_balance == PaperBalance(amount=Decimal(10000), currency="USDT")
    assert settings.limits.positions_max == 10
    assert settings.limits.drawdown_pct_max == Decimal("10.0")
    assert settings.limits.daily_loss_pct_max == Decimal("2.0")
    assert (settings.secret_key, settings.port, settings.metrics_token) == (None, None, None)
    assert settings.warnings == ()


def test_every_variable_of_the_contract_is_read() -> None:
    settings = settings_of(
        {
            "TELEGRAM_API_URL": "http://127.0.0.1:8081/",
            "OPERATORS": " 4242:Owner , 77:trader,99:viewer,",
            "EXECUTION_MODE": "LIVE",
            "CONFIRM": "Always",
            "VENUES": "Binance, okx",
            "BINANCE_API_KEY": "bk",
            "BINANCE_API_SECRET": "bs",
            "BINANCE_SANDBOX": "yes",
            "BINANCE_API_URL": "http://localhost:9000/",
            "BINANCE_WS_URL": "ws://localhost:9001",
            "OKX_API_KEY": "ok",
            "OKX_API_SECRET": "os",
            "OKX_API_PASSWORD": "op",
            "OKX_API_URL": "http://localhost:9002",
            "DATABASE_URL": "postgres://user:p%40ss@db.internal:5432/quarterdeck?sslmode=require",
            "REDIS_URL": "rediss://:pw@cache:6380/1",
            "PAPER_BALANCE": "2500.50 usdc",
            "MAX_POSITIONS": "3",
            "MAX_DRAWDOWN_PCT": "7.5",
            "DAILY_LOSS_LIMIT_PCT": "1",
            "SECRET_KEY": "0123456789abcdef0123456789abcdef",
            "PORT": "0",
            "METRICS_TOKEN": "m3trics",
        }
    )

    binance, okx = settings.venues
    assert settings.telegram_api_url == "http://127.0.0.1:8081"
    assert [(each.user_id, each.role) for each in settings.operators] == [
        (4242, Role.OWNER),
        (77, Role.TRADER),
        (99, Role.VIEWER),
    ]
    assert settings.mode == "live"
    assert settings.confirm is ConfirmMode.ALWAYS
    assert (binance.api_key, binance.api_secret) == (Secret("bk"), Secret("bs"))
    assert (binance.sandbox, binance.api_url) == (True, "http://localhost:9000")
    assert (binance.streams, okx.streams) == (True, False)
    assert okx.api_password == Secret("op")
    assert settings.database_url == Secret(
        "postgresql+psycopg://user:p%40ss@db.internal:5432/quarterdeck?sslmode=require"
    )
    assert settings.redis_url == Secret("rediss://:pw@cache:6380/1")
    assert settings.paper_balance == PaperBalance(amount=Decimal("2500.50"), currency="USDC")
    assert settings.limits.positions_max == 3
    assert settings.limits.drawdown_pct_max == Decimal("7.5")
    assert settings.limits.daily_loss_pct_max == Decimal(1)
    assert settings.port == 0
    assert settings.metrics_token == Secret("m3trics")
    assert settings.warnings == ()


def test_live_has_a_journal_of_its_own_by_default() -> None:
    assert settings_of(LIVE_KEYS).database_url == Secret("sqlite:///quarterdeck-live.db")


def test_the_journal_can_be_read_without_token_operators_or_keys() -> None:
    settings = load_settings({"EXECUTION_MODE": "live"}, for_command="journal")

    assert settings.telegram_token is None
    assert settings.operators == ()


@pytest.mark.parametrize("command", ["stop", "flatten"])
def test_a_stop_from_a_shell_needs_no_token(command: CommandName) -> None:
    assert load_settings(LIVE_KEYS, for_command=command).mode == "live"


def test_doctor_needs_what_run_needs() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({}, for_command="doctor")

    assert caught.value.faults == (NO_TOKEN, NO_OPERATORS)


def test_a_demo_is_neither_broken_nor_reached_by_what_was_set_for_run() -> None:
    settings = load_settings(
        {
            "TELEGRAM_BOT_TOKEN": "not a token",
            "OPERATORS": "nonsense",
            "EXECUTION_MODE": "live",
            "DATABASE_URL": "postgresql://prod/journal",
            "PORT": "http",
            "PAPER_BALANCE": "500 USDT",
            "CONFIRM": "never",
        },
        for_command="demo",
    )

    assert settings.mode == "paper"
    assert settings.telegram_token is None
    assert settings.database_url == Secret("sqlite:///quarterdeck-paper.db")
    assert settings.paper_balance.amount == Decimal(500)
    assert settings.confirm is ConfirmMode.NEVER


def test_a_demo_still_refuses_a_bad_trading_rule() -> None:
    assert faults_of({"MAX_POSITIONS": "many"}, "demo") == (
        bad_whole("MAX_POSITIONS", "'many'", "1 to 1000", 10),
    )


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        (
            {"KRAKEN_API_KEY": "k"},
            "KRAKEN_API_KEY is set but not read: kraken is not in VENUES.",
        ),
        (
            {"BINANCE_SECRET": "s"},
            (
                "BINANCE_SECRET is set but not read: of binance, BINANCE_API_KEY, "
                "BINANCE_API_SECRET, BINANCE_API_PASSWORD, BINANCE_SANDBOX, BINANCE_API_URL, "
                "BINANCE_WS_URL, BINANCE_STOPS and BINANCE_DEAD_MAN_S are."
            ),
        ),
        (
            {"METRICS_TOKEN": "t"},
            "METRICS_TOKEN is set but PORT is not: nothing serves /metrics.",
        ),
        (
            {"SECRET_KEY": "short"},
            (
                "SECRET_KEY has fewer than 32 characters: a longer one, made by a machine, "
                "protects the second factor better."
            ),
        ),
    ],
)
def test_what_is_set_in_vain_is_a_warning(changes: dict[str, str], warning: str) -> None:
    assert settings_of(changes).warnings == (warning,)


def test_variables_of_other_programs_are_left_alone() -> None:
    others = {"OPENAI_API_KEY": "x", "AWS_SECRET": "x", "KRAKEN_API_KEY": " ", "HOME": "/root"}

    assert settings_of(others).warnings == ()


def test_the_lines_of_a_coinbase_key_survive() -> None:
    settings = settings_of(
        {"VENUES": "coinbase", "COINBASE_API_KEY": "k", "COINBASE_API_SECRET": r"-B-\nxyz\n-E-"}
    )

    assert settings.venues[0].api_secret == Secret("-B-\nxyz\n-E-")


def test_settings_show_no_secret_however_they_are_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = settings_of(
        {"BINANCE_API_KEY": "hunter2", "BINANCE_API_SECRET": "hunter2", "SECRET_KEY": "hunter2"}
    )

    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("started with %s", settings)
    texts = [repr(settings), str(settings), f"{settings.secret_key:>5}", caplog.text]

    assert TOKEN not in "".join(texts)
    assert "hunter2" not in "".join(texts)
    assert repr(settings.secret_key) == "***"


def test_a_secret_is_neither_pickled_nor_copied() -> None:
    with pytest.raises(TypeError, match="neither pickled nor copied"):
        pickle.dumps(Secret("hunter2"))
    with pytest.raises(TypeError, match="neither pickled nor copied"):
        copy.deepcopy(Secret("hunter2"))


def test_a_secret_matches_only_itself() -> None:
    assert Secret("tökén").matches("tökén")
    assert not Secret("token").matches("token2")
    assert Secret("a") == Secret("a")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_what_is_said_of_venues_is_what_ccxt_knows() -> None:
    clients = {venue: getattr(ccxt, venue)() for venue in VENUES}

    assert {v for v in VENUES if clients[v].requiredCredentials["password"]} == set(PASSWORD_VENUES)
    assert {v for v in VENUES if has_testnet(clients[v])} == set(SANDBOX_VENUES)


def has_testnet(client: ccxt.Exchange) -> bool:
    try:
        client.set_sandbox_mode(True)
    except TypeError:  # what ccxt 4.5 raises where it knows no testnet
        return False
    return True


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text('# mine\nexport PORT=8080\nCONFIRM="never"\nSECRET_KEY=a$b${c}\nEMPTY=\n')

    environ = read_environment({"PORT": "9090"}, dotenv)

    assert environ == {"PORT": "9090", "CONFIRM": "never", "SECRET_KEY": "a$b${c}", "EMPTY": ""}


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    assert read_environment({"PORT": "1"}, tmp_path / ".env") == {"PORT": "1"}


def test_a_line_that_is_not_understood_is_named_and_not_shown(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("PORT=8080\nTELEGRAM_BOT_TOKEN 123:hunter2\nCONFIRM\n")

    with pytest.raises(EnvironmentFileError) as caught:
        read_environment({}, dotenv)

    told = "is not understood: write NAME=value, and put a value with spaces in quotes."
    assert caught.value.faults == (f"Line 2 of .env {told}", f"Line 3 of .env {told}")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"PORT=\xff\xfe8080")

    with pytest.raises(EnvironmentFileError, match=r"\.env cannot be read \(UnicodeDecodeError\)"):
        read_environment({}, dotenv)


def test_a_file_saved_by_a_windows_editor_is_read(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"\xef\xbb\xbfPORT=8080\r\nCONFIRM=never\r\n")

    assert read_environment({}, dotenv) == {"PORT": "8080", "CONFIRM": "never"}


@pytest.mark.parametrize(
    ("standby", "database", "stands_by"),
    [
        (None, None, False),
        (None, "sqlite:///a.db", False),
        (None, "postgres://host/database", True),
        ("auto", "postgresql://host/database", True),
        ("on", "sqlite:///a.db", True),
        ("off", "postgresql://host/database", False),
    ],
)
def test_a_second_process_stands_by_on_a_server_unless_it_is_told_otherwise(
    standby: str | None, database: str | None, stands_by: bool
) -> None:
    given = {"STANDBY": standby, "DATABASE_URL": database}
    environ = {name: value for name, value in given.items() if value is not None}
    assert load_settings(environ, for_command="journal").stands_by is stands_by


def test_a_strange_standby_is_a_fault() -> None:
    with pytest.raises(SettingsError, match="EMERGENCY_FILE names no file"):
        load_settings({"EMERGENCY_FILE": "/gone/folder/file"}, for_command="journal")
    with pytest.raises(SettingsError, match="STANDBY"):
        load_settings({"STANDBY": "maybe"}, for_command="journal")


def test_a_secret_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    place = tmp_path / "binance"
    place.write_text("swordfish\n")
    (tmp_path / ".env").write_text(f"BINANCE_API_SECRET_FILE={place}\nBINANCE_API_KEY=k\n")
    found = read_environment({"PORT_FILE": "x"}, tmp_path / ".env")
    assert found == {
        "BINANCE_API_KEY": "k",
        "BINANCE_API_SECRET": "swordfish",
        # Only secrets are read from files.
        "PORT_FILE": "x",
    }


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (None, 0o600, "cannot be read (FileNotFoundError)"),
        (b"", 0o600, "is empty"),
        (b" \n", 0o600, "is empty"),
        (b"\xff\xfe\xfa", 0o600, "cannot be read (UnicodeDecodeError)"),
        (b"s" * 20_000, 0o600, "is longer than 16,384 bytes"),
        (b"swordfish", 0o602, "anybody may write into: chmod 600 it"),
    ],
    ids=["missing", "empty", "blank", "bytes", "long", "open"],
)
def test_a_file_that_is_no_secret_is_refused_with_a_sentence(
    tmp_path: Path, content: bytes | None, mode: int, why: str
) -> None:
    place = tmp_path / "secret"
    if content is not None:
        place.write_bytes(content)
        place.chmod(mode)
    with pytest.raises(EnvironmentFileError) as raised:
        read_environment({"SECRET_KEY_FILE": str(place)}, tmp_path / ".env")
    assert raised.value.faults == (f"SECRET_KEY_FILE names a file that {why}.",)


def test_a_secret_and_its_file_are_not_both_given(tmp_path: Path) -> None:
    given = {"SECRET_KEY": "swordfish", "SECRET_KEY_FILE": str(tmp_path / "secret")}
    with pytest.raises(EnvironmentFileError, match="both set: give one of them") as raised:
        read_environment(given, tmp_path / ".env")
    assert "swordfish" not in str(raised.value)
    with pytest.raises(EnvironmentFileError, match="is no plain file"):
        read_environment({"SECRET_KEY_FILE": str(tmp_path)}, tmp_path / ".env")
