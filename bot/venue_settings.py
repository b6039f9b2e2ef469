"""The venues that the environment names: their ccxt ids, credentials and addresses."""

from dataclasses import dataclass

from bot.secret import Secret
from bot.variables import Variables, shown, words
from engine.venues.live.dead_man import ANSWERS, SECONDS_MAX, SECONDS_MIN

VENUES = tuple(
    "binance bybit okx kraken kucoin gate bitget coinbase htx mexc bitfinex bitstamp".split()
)
# The venues whose testnet ccxt knows. Elsewhere a "sandbox" switch would mean real money.
SANDBOX_VENUES = ("binance", "bybit", "okx", "gate", "bitget")
PASSWORD_VENUES = ("okx", "kucoin", "bitget")
VENUE_VARIABLES = tuple(
    "API_KEY API_SECRET API_PASSWORD SANDBOX API_URL WS_URL STOPS DEAD_MAN_S".split()
)
STOPS = ("rest", "watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSettings:
    """Hold one venue's credentials and addresses; `venue` is the ccxt exchange id.

    `api_url` replaces scheme and host of every REST address of the venue. `rests_stops` has stops
    lie at the venue where it can keep them; otherwise the console watches every one. `dead_man_s`
    is after how many seconds without us the venue cancels our entries; None for never.
    """

    venue: str
    api_key: Secret | None = None
    api_secret: Secret | None = None
    api_password: Secret | None = None
    sandbox: bool = False
    api_url: str | None = None
    ws_url: str | None = None
    rests_stops: bool = True
    dead_man_s: int | None = None

    @property
    def streams(self) -> bool:
        """Tell whether streams may be opened: not beside a replaced API, unless replaced too."""
        return self.api_url is None or self.ws_url is not None


def read_venues(at: Variables, *, keys_required: bool, is_paper: bool) -> tuple[VenueSettings, ...]:
    """Read VENUES and what is set for each of them; live trading needs every venue's keys."""
    value = at.text("VENUES") or "binance"
    names = [name.strip().lower() for name in value.split(",") if name.strip()]
    if not names:
        at.faults.append(f"VENUES names no venue: give one or more of {words(VENUES, 'and')}.")
    for name in dict.fromkeys(names):
        if name not in VENUES:
            at.faults.append(f"VENUES holds {shown(name)}: the venues are {words(VENUES, 'and')}.")
        elif names.count(name) > 1:
            at.faults.append(f"VENUES names {name} more than once: once is enough.")
    known = [name for name in dict.fromkeys(names) if name in VENUES]
    _warn_of_unused(at, known)
    return tuple(_venue(at, name, keys_required=keys_required, is_paper=is_paper) for name in known)


def _venue(at: Variables, venue: str, *, keys_required: bool, is_paper: bool) -> VenueSettings:
    prefix = venue.upper()
    key, secret, password = (
        f"{prefix}_API_KEY",
        f"{prefix}_API_SECRET",
        f"{prefix}_API_PASSWORD",
    )
    needed = [key, secret] + ([password] if venue in PASSWORD_VENUES else [])
    given = [name for name in (key, secret, password) if at.text(name) is not None]
    missing = [name for name in needed if name not in given]
    if missing and given:
        at.faults.append(
            f"{words(missing, 'and')} must be set beside {words(given, 'and')}: "
            f"{venue} needs {words(needed, 'and')} together."
        )
    elif missing and keys_required:
        at.faults.append(
            f"EXECUTION_MODE is live, so {words(missing, 'and')} must be set; "
            f"or take {venue} out of VENUES."
        )
    sandbox = at.flag(f"{prefix}_SANDBOX")
    if sandbox and venue not in SANDBOX_VENUES:
        at.faults.append(
            f"{prefix}_SANDBOX is on, but {venue} has no testnet: only "
            f"{words(SANDBOX_VENUES, 'and')} have one. Use EXECUTION_MODE=paper instead."
        )
    return VenueSettings(
        venue=venue,
        api_key=at.secret(key),
        api_secret=_api_secret(at, secret, lines=venue == "coinbase"),
        api_password=at.secret(password),
        sandbox=sandbox,
        api_url=at.address(f"{prefix}_API_URL", ("https", "http"), path=False),
        ws_url=at.address(f"{prefix}_WS_URL", ("wss", "ws"), path=False),
        rests_stops=at.choice(f"{prefix}_STOPS", STOPS, at.choice("STOPS", STOPS, "rest"))
        == "rest",
        dead_man_s=_dead_man(at, venue, is_paper=is_paper),
    )


def _dead_man(at: Variables, venue: str, *, is_paper: bool) -> int | None:
    """Read after how many seconds without us a venue cancels our entries; refuse where none can."""
    own = f"{venue.upper()}_DEAD_MAN_S"
    name = own if at.text(own) is not None else "DEAD_MAN_S"
    if at.text(name) in (None, "0"):
        return None
    seconds = at.whole(name, SECONDS_MIN, SECONDS_MAX, 60)
    if venue not in ANSWERS:
        at.faults.append(
            f"{name} is set, but {venue} has no timer that cancels orders: only "
            f"{words(tuple(ANSWERS), 'and')} have one. Set {own}=0."
        )
    elif is_paper:
        at.faults.append(
            f"{name} is set, but no real venue is traded at on paper: take it out, or trade live."
        )
    return seconds


def _api_secret(at: Variables, name: str, *, lines: bool) -> Secret | None:
    r"""Read an API secret; coinbase's is a PEM of several lines, often written with `\n`."""
    secret = at.secret(name, lines=lines)
    if secret is None or not lines:
        return secret
    return Secret(secret.reveal().replace("\\n", "\n"))


def _warn_of_unused(at: Variables, venues: list[str]) -> None:
    """Tell of variables that look like ours and are not read: a typing error, or a leftover."""
    for name in at.names():
        prefix, _, rest = name.partition("_")
        venue = prefix.lower()
        if venue not in VENUES:
            continue
        if rest not in VENUE_VARIABLES:
            at.warnings.append(
                f"{name} is set but not read: of {venue}, "
                f"{words([f'{prefix}_{each}' for each in VENUE_VARIABLES], 'and')} are."
            )
        elif venue not in venues:
            at.warnings.append(f"{name} is set but not read: {venue} is not in VENUES.")
