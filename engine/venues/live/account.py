"""The account at a venue: where it is, and the keys to it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAccount:
    """Hold one account's credentials and addresses; `venue` is the ccxt exchange id.

    `api_url` replaces scheme and host of every REST address, `ws_url` of every stream's.
    """

    venue: str
    api_key: str | None = field(default=None, repr=False)
    api_secret: str | None = field(default=None, repr=False)
    api_password: str | None = field(default=None, repr=False)
    sandbox: bool = False
    api_url: str | None = None
    ws_url: str | None = None

    @property
    def streams(self) -> bool:
        """Tell whether streams may be opened: not beside a replaced API, unless replaced too."""
        return self.api_url is None or self.ws_url is not None
