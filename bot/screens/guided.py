"""C1 to C3: the guided trade in three steps; nothing is sent before a ticket is confirmed."""

from decimal import Decimal

from bot.callbacks import (
    Dismiss,
    GuidedOther,
    GuidedPreset,
    GuidedSide,
    GuidedStart,
    GuidedSymbol,
    GuidedType,
    PresetUnit,
)
from bot.screens import figures
from bot.screens.layout import (
    ButtonView,
    Screen,
    code,
    columns,
    in_threes,
    line,
    panel,
    plain_text,
    press,
    row,
    shortened,
    text_of,
    title_line,
)
from bot.views.guided import (
    PRESET_SHARES_PCT,
    PRICES_SHOWN,
    GuidedSymbolView,
    GuidedView,
    PriceLine,
)
from engine.numbers import HUNDRED
from engine.orders import OrderSide


def guided_symbol(view: GuidedSymbolView) -> Screen:
    """C1: ask what to trade."""
    scene = view.scene
    symbols = [
        press(shortened(item.listing.base, 9), GuidedSymbol(key=item.listing.key))
        for item in view.lines
    ]
    venues = sorted({item.listing.venue_title for item in view.lines})
    source = f"{plain_text(', '.join(venues))}, change over 24 h."
    if scene.simulated:
        source = "Simulated market, change over 24 h."
    return Screen(
        text=text_of(
            title_line("Trade, 1 of 3: what?", sign=None, live=scene.live),
            panel(*(_price_line(item) for item in view.lines[:PRICES_SHOWN]))
            if view.lines
            else None,
            source if view.lines else "No symbol has a price yet.",
            "Nothing is sent before you confirm.",
        ),
        rows=(
            *in_threes(symbols),
            row(press("Other", GuidedOther()), press("Cancel", Dismiss())),
        ),
    )


def _price_line(item: PriceLine) -> str:
    pair = f"{shortened(item.listing.base, 5)}/{shortened(item.listing.quote, 4)}"
    price = figures.price(item.mid, item.listing.tick) if item.mid is not None else "–"
    if item.change_pct is None:
        return line(pair, price)
    change = figures.signed_percent(item.change_pct)
    if len(pair) + 1 + len(price) + 1 + len(change) > 27:
        return columns(pair, price) + "\n" + columns("", change)
    return line(pair, price, second=change)


def guided_side(view: GuidedView) -> Screen:
    """C2: ask which way."""
    scene, about, held = view.scene, view.listing, view.position
    base = shortened(about.base, 8)
    lines = [_price(view)]
    effects = ["You hold none of it."]
    if held is not None:
        word = "You hold" if held.is_long else "You owe"
        lines.append(line(word, figures.quantity(abs(held.quantity)), base))
        if view.pnl is not None and view.pnl_pct is not None:
            pnl = figures.signed_money(view.pnl)
            lines.append(line("Open PnL", pnl, second=figures.signed_percent(view.pnl_pct)))
        effects = ["Buy adds to your long.", "Sell makes it smaller."]
        if not held.is_long:
            effects = ["Buy makes your short smaller."]
    buttons = [press(f"Buy {base}", GuidedSide(key=about.key, side=OrderSide.BUY))]
    if held is not None and held.is_long:
        buttons.append(press(f"Sell {base}", GuidedSide(key=about.key, side=OrderSide.SELL)))
    return Screen(
        text=text_of(
            title_line(f"Trade, 2 of 3: {base}, how?", sign=None, live=scene.live),
            panel(*lines),
            *effects,
        ),
        rows=(row(*buttons), row(press("Back", GuidedStart()), press("Cancel", Dismiss()))),
    )


def _price(view: GuidedView) -> str:
    if view.mid is None or view.quote_age is None:
        return line("Price", "–", "no quote")
    return line("Price", figures.mid(view.mid, view.listing.tick), figures.age(view.quote_age))


def guided_size(view: GuidedView) -> Screen:
    """C3: offer preset sizes; the next card is a ticket."""
    scene, about = view.scene, view.listing
    is_buy = view.side is not OrderSide.SELL
    held = view.position
    lines: list[str | None] = [_price(view)]
    if is_buy:
        lines.append(line("Free", figures.money(view.free), about.quote))
        lines += [
            _level("Stop", view.stop_pct, "below"),
            _level("Target", view.target_pct, "above"),
        ]
    elif held is not None:
        lines.append(
            line("You hold", figures.quantity(abs(held.quantity)), shortened(about.base, 8))
        )
    word = "buy" if is_buy else "sell"
    return Screen(
        text=text_of(
            title_line(f"Trade, 3 of 3: {word} how much?", sign=None, live=scene.live),
            panel(*lines),
            _risk_line(view) if is_buy else None,
            "The next card is a ticket, not an order.",
        ),
        rows=(
            *in_threes(_presets(view)),
            row(
                press("Back", GuidedSymbol(key=about.key)),
                press("Cancel", Dismiss()),
            ),
        ),
    )


def _level(name: str, percent: Decimal | None, where: str) -> str | None:
    return line(name, f"{figures.trimmed(percent)}%", where) if percent is not None else None


def _risk_line(view: GuidedView) -> str | None:
    if view.equity is None or not view.risks_pct:
        return None
    share = max(view.risks_pct)
    cost = figures.money(view.equity * share / HUNDRED)
    return (
        f"Risk {figures.trimmed(share)}%: the stop costs {cost} {plain_text(view.scene.currency)}."
    )


def _presets(view: GuidedView) -> list[ButtonView]:
    about = view.listing
    side = view.side or OrderSide.BUY
    typed = press("Type it", GuidedType(key=about.key, side=side))

    def preset(labels: tuple[str, ...], unit: PresetUnit, amount: Decimal) -> ButtonView:
        return press(labels, GuidedPreset(key=about.key, side=side, unit=unit, amount=amount))

    if side is OrderSide.SELL:
        shares = [
            preset((f"{figures.trimmed(share)}%",), PresetUnit.PERCENT, share)
            for share in PRESET_SHARES_PCT
        ]
        return [*shares, typed]
    amounts = [
        preset(
            (f"{figures.trimmed(amount)} {about.quote}", figures.trimmed(amount)),
            PresetUnit.NOTIONAL,
            amount,
        )
        for amount in view.presets
    ]
    risks = [
        preset((f"Risk {figures.trimmed(risk)}%",), PresetUnit.RISK_PCT, risk)
        for risk in view.risks_pct
    ]
    return [*amounts, *risks, typed]


def guided_typing(view: GuidedView) -> Screen:
    """Say how to type a size that has no button."""
    scene, asset = view.scene, view.listing.base.lower()
    examples: tuple[str, ...]
    if view.side is OrderSide.SELL:
        examples = (f"/sell {asset} 50%",)
    else:
        examples = (f"/buy {asset} 250 usdt sl 2%", f"/buy {asset} risk 1% sl 2%")
    return Screen(
        text=text_of(
            title_line("Type it", sign=None, live=scene.live),
            "Tap one to copy, change the number, send:",
            "",
            *(code(example) for example in examples),
        ),
        rows=(
            row(
                press("Back", GuidedSide(key=view.listing.key, side=view.side or OrderSide.BUY)),
                press("Cancel", Dismiss()),
            ),
        ),
    )


def guided_other(view: GuidedSymbolView) -> Screen:
    """Say how to name a symbol that has no button."""
    return Screen(
        text=text_of(
            title_line("Any other symbol", sign=None, live=view.scene.live),
            "Tap one to copy, change the symbol, send:",
            "",
            code("/buy ada 100 usdt sl 2%"),
            code("/buy btc perp 250 usdt 2x sl 2%"),
        ),
        rows=(row(press("Back", GuidedStart()), press("Cancel", Dismiss())),),
    )
