"""An average-cost ledger in fractions, written from EXECUTION 3 and 6 and from no code of ours."""

from dataclasses import dataclass, field
from fractions import Fraction

ZERO = Fraction(0)


@dataclass
class Holding:
    """What one symbol holds: signed units, what they cost on average, what they earned."""

    units: Fraction = ZERO
    average: Fraction = ZERO
    earned: Fraction = ZERO
    fees: Fraction = ZERO


@dataclass
class Ledger:
    """Cash, holdings and finished trades of one account in one currency."""

    cash: Fraction
    holdings: dict[str, Holding] = field(default_factory=dict)
    realised: Fraction = ZERO
    fees: Fraction = ZERO
    volume: Fraction = ZERO
    finished: list[Fraction] = field(default_factory=list)

    def trade(
        self,
        symbol: str,
        *,
        sign: int,
        units: Fraction,
        price: Fraction,
        fee_worth: Fraction,
        fee_units: Fraction,
        fee_cash: Fraction,
    ) -> None:
        """Book one execution.

        `fee_worth` is the fee in cash currency, however paid; `fee_units` what was kept back of the
        bought units instead of cash, `fee_cash` what was taken from this cash.
        """
        self.volume += units * price
        self.fees += fee_worth
        is_swap = ":" in symbol
        if not is_swap:
            self.cash -= sign * units * price
        self.cash -= fee_cash
        gains = ZERO
        # Unit for unit would be the simplest; two parts, what closes and what opens, are the same.
        holding = self.holdings.get(symbol, Holding())
        against = holding.units * sign < 0
        closing = min(abs(holding.units), units) if against else ZERO
        for part, is_closing in ((closing, True), (units - closing, False)):
            if part == 0:
                continue
            fee = fee_worth * part / units
            if is_closing:
                gain = -sign * part * (price - holding.average)
                gains += gain
                holding.earned += gain - fee
                holding.fees += fee
                holding.units += sign * part
                if holding.units == 0:
                    self.finished.append(holding.earned)
                    holding = Holding()
            else:
                added = part - fee_units
                worth = holding.units * holding.average + sign * added * price
                holding.units += sign * added
                holding.average = worth / holding.units
                holding.earned -= fee
                holding.fees += fee
        self.realised += gains - fee_worth
        if is_swap:
            self.cash += gains
        self.holdings.pop(symbol, None)
        if holding.units != 0:
            self.holdings[symbol] = holding
