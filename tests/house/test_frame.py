"""The frame agrees with itself: what may be installed is pinned, what is deployed is read."""

import re
import tomllib
from itertools import chain

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from bot.settings import load_settings
from bot.venue_settings import VENUE_VARIABLES
from tests.house.sources import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# What the platform itself reads from a service's environment.
PLATFORM_VARIABLES = {"PYTHON_VERSION", "PYTHONUNBUFFERED"}


def example_lines() -> list[str]:
    return (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()


def example_variables() -> dict[str, str]:
    """Give the variables of .env.example as they stand behind their comment mark."""
    found = (re.fullmatch(r"# ?([A-Z_]+)=(.*)", line) for line in example_lines())
    return {match[1]: match[2] for match in found if match}


def test_every_package_that_may_be_installed_is_pinned_within_its_range() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", text, re.MULTILINE))
    extras = PROJECT["optional-dependencies"].values()
    wanted = chain(PROJECT["dependencies"], *extras)

    for requirement in map(Requirement, wanted):
        pinned = pins[canonicalize_name(requirement.name)]
        assert Version(pinned) in requirement.specifier, f"{requirement} is pinned to {pinned}"


def test_constraints_hold_pins_and_comments_only() -> None:
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"#.*|[a-z0-9-]+==[0-9][0-9a-z.]*", line), line


def test_the_example_file_sets_nothing_by_itself() -> None:
    assert [line for line in example_lines() if line and not line.startswith("#")] == []


def test_the_defaults_in_the_example_file_are_the_defaults() -> None:
    example = example_variables()
    required = {"TELEGRAM_BOT_TOKEN": "1:a", "OPERATORS": "4242:owner"}
    stated = {
        name: example[name]
        for name in (
            "TELEGRAM_API_URL",
            "EXECUTION_MODE",
            "CONFIRM",
            "PAPER_BALANCE",
            "MAX_POSITIONS",
            "MAX_DRAWDOWN_PCT",
            "DAILY_LOSS_LIMIT_PCT",
            "VENUES",
            "BINANCE_SANDBOX",
        )
    }

    assert load_settings({**required, **stated}, for_command="run") == load_settings(
        required, for_command="run"
    )


def test_render_sets_only_variables_that_are_read() -> None:
    blueprint = (ROOT / "render.yaml").read_text(encoding="utf-8")
    keys = set(re.findall(r"^ +- key: (\S+)$", blueprint, re.MULTILINE))

    assert keys - PLATFORM_VARIABLES <= set(example_variables())
    assert {"TELEGRAM_BOT_TOKEN", "OPERATORS", "DATABASE_URL", "PORT"} <= keys


def test_render_asks_for_every_secret_instead_of_storing_it() -> None:
    blueprint = (ROOT / "render.yaml").read_text(encoding="utf-8")
    secret = r"- key: (?:\S*(?:TOKEN|KEY|SECRET|PASSWORD)|OPERATORS)\n +"

    sources = re.findall(secret + r"(\S+:)", blueprint)

    assert len(sources) == 6
    assert set(sources) == {"sync:", "generateValue:"}


def test_the_example_file_names_every_variable_of_a_venue() -> None:
    for suffix in VENUE_VARIABLES:
        assert f"BINANCE_{suffix}" in example_variables()
