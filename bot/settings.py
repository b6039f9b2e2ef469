"""What the environment told the process (DESIGN 5): read once, all faults reported at once.

Long because every setting stands in one place.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal, cast
from urllib.parse import SplitResult, parse_qs

from bot.confirm_settings import read_tiers
from bot.drills import Drill, read_drills
from bot.limit_settings import read_limits
from bot.money_settings import read_cash_currencies, read_day_starts, read_scaling
from bot.secret import Secret
from bot.variables import Variables, shown, split_address, words
from bot.venue_settings import VenueSettings, read_venues
from engine.commands import Role
from engine.confirming import ConfirmMode, Tier
from engine.days import MIDNIGHT
from engine.risk_limits import RiskLimits
from engine.scaling import ScalingPolicy
from storage.kept import Kept
from storage.streams_records import STREAMS

CommandName = Literal["run", "demo", "doctor", "stop", "flatten", "journal"]
Mode = Literal["paper", "live"]

TELEGRAM_API_URL = "https://api.telegram.org"
USER_ID_MAX = 2**52
OPERATORS_MAX = 100
HISTORY_DAYS_MAX = 36500
SECRET_KEY_CHARACTERS_MIN = 32
# The client's other options, such as its timeouts, are ours to choose.
REDIS_OPTIONS = {"db", "ssl_ca_certs", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname"}
REDIS_OPTIONS |= {"ssl_keyfile"}
DATABASE_EXAMPLES = "sqlite:///quarterdeck.db or postgresql://user:password@host/database"


class SettingsError(ValueError):
    """Refuse to start; `faults` holds one sentence each, and no sentence shows a secret."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSetting:
    """Name one person served by the bot, by numeric Telegram user id."""

    user_id: int
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperBalance:
    """Say what the paper venue starts with."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Hold everything the environment decides; shares are in percent.

    `telegram_token` and `operators` are there whenever the command is run or doctor.
    `port` None means no HTTP; 0 lets the system choose. `metrics_token` None hides /metrics.
    `emergency_file` None lies beside the database. `streams` are those that run over Redis.
    `stands_by` waits where another process is active.
    """

    telegram_token: Secret | None
    telegram_api_url: str
    operators: tuple[OperatorSetting, ...]
    mode: Mode
    confirm: ConfirmMode
    venues: tuple[VenueSettings, ...]
    database_url: Secret
    redis_url: Secret | None
    paper_balance: PaperBalance
    limits: RiskLimits
    secret_key: Secret | None
    port: int | None
    metrics_token: Secret | None
    confirm_tiers: tuple[Tier, ...] = ()
    scaling: ScalingPolicy = field(default_factory=ScalingPolicy)
    streams: tuple[str, ...] = ()
    stands_by: bool = False
    kept: Kept = field(default_factory=Kept)
    day_starts: str = MIDNIGHT
    cash_currencies: tuple[str, ...] = ()
    drills: tuple[Drill, ...] = ()
    emergency_file: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def owners(self) -> tuple[int, ...]:
        """Give the user ids of the owners."""
        return tuple(each.user_id for each in self.operators if each.role is Role.OWNER)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Give everything that must never be shown, so that logs can be cleaned of it."""
        alone = (
            self.telegram_token,
            self.database_url if "@" in self.database_url.reveal() else None,
            self.redis_url,
            self.secret_key,
            self.metrics_token,
        )
        keys = (
            secret
            for venue in self.venues
            for secret in (venue.api_key, venue.api_secret, venue.api_password)
        )
        return tuple(secret for secret in (*alone, *keys) if secret is not None)


def load_settings(environ: Mapping[str, str], *, for_command: CommandName) -> Settings:
    """Read the settings that a command needs.

    `demo` has no account: it reads the trading rules only, so that a `.env` made for `run` can
    neither break it nor be touched by it.
    Raises: SettingsError with every fault at once.
    """
    accounts = for_command != "demo"
    read = Variables(environ)
    at = read if accounts else Variables({})
    mode = cast(Mode, at.choice("EXECUTION_MODE", ("paper", "live"), "paper"))
    needs_chat = for_command in ("run", "doctor")
    amount, currency = read.balance("PAPER_BALANCE", (Decimal(10000), "USDT"))
    settings = Settings(
        telegram_token=_telegram_token(at, required=needs_chat),
        telegram_api_url=at.address("TELEGRAM_API_URL", ("https", "http"), path=True)
        or TELEGRAM_API_URL,
        operators=_operators(at, required=needs_chat),
        mode=mode,
        confirm=ConfirmMode(read.choice("CONFIRM", tuple(ConfirmMode), ConfirmMode.RISKY)),
        confirm_tiers=read_tiers(read),
        scaling=read_scaling(read),
        venues=read_venues(
            at, keys_required=mode == "live" and for_command != "journal", is_paper=mode != "live"
        ),
        database_url=_database_url(at, mode),
        redis_url=_redis_url(at),
        paper_balance=PaperBalance(amount=amount, currency=currency),
        limits=read_limits(read),
        secret_key=_secret_key(at),
        port=at.whole("PORT", 0, 65535, 8080),
        metrics_token=_metrics_token(at),
        streams=_streams(at),
        stands_by=_stands_by(at),
        emergency_file=_file(at, "EMERGENCY_FILE"),
        kept=_kept(read),
        day_starts=read_day_starts(read),
        cash_currencies=read_cash_currencies(at),
        drills=read_drills(at, is_paper=mode == "paper"),
        warnings=tuple(at.warnings),
    )
    faults = tuple(dict.fromkeys(read.faults + at.faults))
    if faults:
        raise SettingsError(faults)
    return settings


def _telegram_token(at: Variables, *, required: bool) -> Secret | None:
    if at.text("TELEGRAM_BOT_TOKEN") is None:
        if required:
            at.faults.append(
                "TELEGRAM_BOT_TOKEN is not set: put the token that @BotFather gave you into the "
                "environment or into .env."
            )
        return None
    token = at.secret("TELEGRAM_BOT_TOKEN")
    if token is not None and not re.fullmatch(r"[0-9]+:[A-Za-z0-9_-]+", token.reveal()):
        at.faults.append(
            "TELEGRAM_BOT_TOKEN is no bot token: it must be digits, a colon, then letters and "
            "digits, as @BotFather wrote it."
        )
    return token


def _operators(at: Variables, *, required: bool) -> tuple[OperatorSetting, ...]:
    """Read `id:role` entries; one owner at least, or nobody could ever resume after a stop."""
    value = at.text("OPERATORS")
    entries = [entry.strip() for entry in (value or "").split(",") if entry.strip()]
    if not entries:
        if required:
            at.faults.append(
                "OPERATORS is not set: name who is served, by numeric Telegram user id, "
                "for example 4242:owner,77:trader."
            )
        return ()
    if len(entries) > OPERATORS_MAX:
        at.faults.append(f"OPERATORS names {len(entries)} people: at most {OPERATORS_MAX}.")
        return ()
    before = len(at.faults)
    operators = tuple(filter(None, (_operator(at, entry) for entry in entries)))
    ids = [operator.user_id for operator in operators]
    at.faults.extend(
        f"OPERATORS names the user {user_id} more than once: give each user one role."
        for user_id in dict.fromkeys(ids)
        if ids.count(user_id) > 1
    )
    if len(at.faults) == before and all(each.role is not Role.OWNER for each in operators):
        at.faults.append(
            "OPERATORS has no owner: at least one entry must be id:owner, for example 4242:owner."
        )
    return operators


def _operator(at: Variables, entry: str) -> OperatorSetting | None:
    user, colon, role = (part.strip() for part in entry.partition(":"))
    if not colon:
        at.faults.append(f"OPERATORS holds {shown(entry)}: write id:role, for example 4242:owner.")
    elif not re.fullmatch(r"[0-9]{1,16}", user) or not 0 < int(user) <= USER_ID_MAX:
        at.faults.append(
            f"OPERATORS holds {shown(entry)}: the id must be a numeric Telegram user id, "
            "not a name or a group."
        )
    elif role.lower() not in tuple(Role):
        at.faults.append(
            f"OPERATORS holds {shown(entry)}: the role must be owner, trader or viewer."
        )
    else:
        return OperatorSetting(user_id=int(user), role=Role(role.lower()))
    return None


def _database_url(at: Variables, mode: Mode) -> Secret:
    """Read the journal's address and name its driver: hosts write postgres://, we use psycopg."""
    value = at.text("DATABASE_URL")
    if value is None:
        return Secret(f"sqlite:///quarterdeck-{mode}.db")
    parts = split_address(value) if value.startswith("postgres") else None
    if value.startswith("sqlite://"):
        if value.startswith("sqlite:///") and value not in ("sqlite:///", "sqlite:///:memory:"):
            return Secret(value)
        at.faults.append(
            "DATABASE_URL names no file: give sqlite:///quarterdeck.db for a file in this folder, "
            "or sqlite:////folder/quarterdeck.db for one elsewhere."
        )
    elif parts is None or parts.scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        at.faults.append(f"DATABASE_URL is neither SQLite nor Postgres: give {DATABASE_EXAMPLES}.")
    elif not parts.path.strip("/"):
        at.faults.append(
            "DATABASE_URL names no database: end it with /database, as in "
            "postgresql://user:password@host/database."
        )
    else:
        return Secret("postgresql+psycopg://" + value.partition("://")[2])
    return Secret(f"sqlite:///quarterdeck-{mode}.db")


def _file(at: Variables, name: str) -> Path | None:
    """Read where a file of ours shall lie; its folder must be there."""
    value = at.text(name)
    if value is None:
        return None
    path = Path(value).expanduser()
    if path.is_dir() or not path.parent.is_dir():
        at.faults.append(f"{name} names no file in a folder that is there: give another path.")
    return path


def _kept(read: Variables) -> Kept:
    """Read for how many days each table of the history is kept; 0 is for ever."""
    usual = Kept()

    def days(name: str, default: int) -> int:
        given = read.whole(name, 0, HISTORY_DAYS_MAX, default)
        return default if given is None else given

    return Kept(
        equity_days=days("HISTORY_EQUITY_DAYS", usual.equity_days),
        quotes_days=days("HISTORY_QUOTES_DAYS", usual.quotes_days),
        candles_days=days("HISTORY_CANDLES_DAYS", usual.candles_days),
    )


def _redis_url(at: Variables) -> Secret | None:
    value = at.text("REDIS_URL")
    if value is None:
        return None
    parts = split_address(value)
    named = parts is not None and (parts.path if parts.scheme == "unix" else parts.hostname)
    if parts is None or parts.scheme not in ("redis", "rediss", "unix") or not named:
        at.faults.append(
            "REDIS_URL is no Redis address: give redis://host:6379, rediss://host:6379 or "
            "unix:///path/of/the.socket, or leave it out."
        )
    elif not _is_redis_database(parts) or not parse_qs(parts.query).keys() <= REDIS_OPTIONS:
        at.faults.append(
            "REDIS_URL goes on with something strange: after the port may stand /0 or another "
            f"number, and ?name=value with one of {words(sorted(REDIS_OPTIONS))}."
        )
    return Secret(value)


def _is_redis_database(parts: SplitResult) -> bool:
    """Tell whether the database's number, in the path or as an option, is one where it stands."""
    numbers = parse_qs(parts.query).get("db", [])
    if parts.scheme != "unix":
        numbers.append(parts.path.strip("/") or "0")
    return all(re.fullmatch(r"[0-9]{1,5}", number) for number in numbers)


def _streams(at: Variables) -> tuple[str, ...]:
    value = at.text("STREAMS")
    if value is None:
        return ()
    named = [each.strip().lower() for each in value.split(",") if each.strip()]
    strange = [each for each in named if each not in STREAMS]
    if strange:
        at.faults.append(
            f"STREAMS holds {shown(strange[0])}: give {words(STREAMS, 'and')}, or one."
        )
        return ()
    if at.text("REDIS_URL") is None:
        at.warnings.append("STREAMS is set but REDIS_URL is not: no stream is served.")
        return ()
    return tuple(each for each in STREAMS if each in named)


def _stands_by(at: Variables) -> bool:
    """Read whether to wait for the lease; nobody else at a file is told so, unless asked for."""
    chosen = at.choice("STANDBY", ("auto", "on", "off"), "auto")
    if chosen == "auto":
        return (at.text("DATABASE_URL") or "").startswith("postgres")
    return chosen == "on"


def _secret_key(at: Variables) -> Secret | None:
    key = at.secret("SECRET_KEY")
    if key is not None and len(key.reveal()) < SECRET_KEY_CHARACTERS_MIN:
        at.warnings.append(
            f"SECRET_KEY has fewer than {SECRET_KEY_CHARACTERS_MIN} characters: a longer one, "
            "made by a machine, protects the second factor better."
        )
    return key


def _metrics_token(at: Variables) -> Secret | None:
    token = at.secret("METRICS_TOKEN")
    if token is not None and at.text("PORT") is None:
        at.warnings.append("METRICS_TOKEN is set but PORT is not: nothing serves /metrics.")
    return token
