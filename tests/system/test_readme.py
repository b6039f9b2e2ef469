"""What README, guide and deploy notes say, held against the program."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from decimal import Decimal
from pathlib import Path

import pytest

from bot.access import COMMANDS
from bot.cli.arguments import parse
from engine.confirming import ConfirmPolicy
from engine.risk_limits import RiskLimits
from tests.system.console import ROOT, environment, quarterdeck

DOCUMENTS = ("README.md", "docs/guide.md", "docs/design.md", "deploy/README.md")
SNIPPET_S = 60.0
PICTURE_BYTES_MAX = 150_000


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(name), re.MULTILINE | re.DOTALL)


async def test_the_readmes_python_runs_as_it_stands(tmp_path: Path) -> None:
    (snippet,) = blocks("README.md", "python")
    (tmp_path / "snippet.py").write_text(snippet, encoding="utf-8")

    process = await create_subprocess_exec(
        sys.executable, "-W", "error", "snippet.py",
        cwd=tmp_path, env=environment(tmp_path), stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SNIPPET_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    assert (process.returncode, err.decode()) == (0, "")
    bought, measured = out.decode().splitlines()
    success, price, quantity = bought.split()
    assert (success, Decimal(quantity)) == ("True", Decimal("0.001"))
    assert Decimal(price) > 0
    rate, latency_ms = measured.split()
    assert float(rate) == 1.0
    assert float(latency_ms) > 0


def test_every_link_and_picture_is_there() -> None:
    linked = {
        (name, target)
        for name in DOCUMENTS
        for target in re.findall(r"""(?:\]\(|src=")([^)"#]+)""", text_of(name))
    }

    assert len({name for name, _ in linked}) >= 3
    missing = [
        (name, target)
        for name, target in linked
        if not target.startswith("https://") and not ((ROOT / name).parent / target).exists()
    ]
    assert missing == []


def test_the_pictures_are_small() -> None:
    pictures = re.findall(r'src="([^"]+\.png)"', text_of("README.md"))

    assert len(pictures) == 3
    assert all((ROOT / one).stat().st_size <= PICTURE_BYTES_MAX for one in pictures)


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    named = {
        target
        for name in DOCUMENTS
        for target in re.findall(r"(?:`|^)make ([a-z]+)", text_of(name), re.MULTILINE)
    }

    assert {"demo", "test"} <= named <= targets


def test_every_shell_command_that_is_named_is_one() -> None:
    named = {
        words
        for name in DOCUMENTS
        for words in re.findall(
            r"\bquarterdeck ((?:demo|run|doctor|stop|flatten|journal)"
            r"(?: (?:verify|export|rebuild))?)",
            text_of(name),
        )
    }

    assert {"run", "doctor", "stop", "flatten", "journal verify"} <= named
    for words in named - {"journal"}:
        parse(words.split())


def test_the_guide_names_every_command_of_the_chat_and_no_other() -> None:
    table = text_of("docs/guide.md").partition("## 2. The chat")[2].partition("### Orders")[0]

    named = set(re.findall(r"/([a-z]+)", table))

    assert named == set(COMMANDS)


LIMITS = RiskLimits()
ROWS = {
    r"order size \| (\d+) %": LIMITS.order_notional_pct_max,
    r"price collar \| .*?(\d+) bps": LIMITS.collar_bps_max,
    r"price age \| (\d+) s": LIMITS.quote_age_s_max,
    r"slippage cap of a market order \| (\d+) bps": LIMITS.slippage_cap_bps,
    r"duplicate \| .*?(\d+) s": LIMITS.duplicate_window_s,
    r"positions \| `MAX_POSITIONS`, (\d+)": LIMITS.positions_max,
    r"open orders \| (\d+)": LIMITS.orders_open_max,
    r"leverage \| (\d+)x": LIMITS.leverage_max,
    r"age of a signal \| (\d+) s": LIMITS.signal_age_s_max,
    r"daily loss \| `DAILY_LOSS_LIMIT_PCT`, (\d+) %": LIMITS.daily_loss_pct_max,
    r"drawdown \| `MAX_DRAWDOWN_PCT`, (\d+) %": LIMITS.drawdown_pct_max,
    r"A breaker warns at (\d+) %": LIMITS.warn_share * 100,
    r"worth more than (\d+) % of equity": ConfirmPolicy().risky_notional_pct,
    r"It ends after\s+(\d+) seconds": ConfirmPolicy().ticket_life_s,
    r"moved more than (\d+) bps": LIMITS.drift_bps_max,
    r"confidence below ([\d.]+\d)": Decimal(str(ConfirmPolicy().risky_confidence)),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_guides_limits_are_the_defaults(row: str) -> None:
    found = re.search(row, text_of("docs/guide.md"))

    assert found is not None
    assert Decimal(found[1]) == ROWS[row]


async def test_the_guides_exit_code_for_an_unusable_setting_is_right(tmp_path: Path) -> None:
    ended = await quarterdeck("run", folder=tmp_path, env=environment(tmp_path))

    assert ended.code == 2
    assert ended.sentences
    assert "2 unusable settings or journal" in text_of("docs/guide.md")
