from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest
from telegram import Bot

from bot.sandbox.server import Sandbox
from bot.tellings.book import TELLERS, Tellings
from engine import events as e
from engine.alerts import alerts_of
from engine.commands import Actor, ActorKind, Role
from engine.orders import OrderKind, OrderPurpose, OrderSide
from engine.quotes import Quote
from engine.tickets import TicketStatus
from tests.bot.speech.conftest import GROUP, OWNER, TRADER
from tests.bot.speech.test_delivery import PNG
from tests.bot.speech.world import PERSON, PRICES, SpeakingWorld, speaking_world
from tests.storage.samples import filled


@pytest.fixture
async def world(bot: Bot, tmp_path: Path) -> AsyncIterator[SpeakingWorld]:
    async with speaking_world(bot, tmp_path) as made:
        await made.bind(OWNER)
        await made.bind(TRADER)
        yield made


def test_somebody_tells_every_subject_that_an_event_can_raise(world: SpeakingWorld) -> None:
    raised = set[str]()
    for kind in get_args(e.Event):
        alerts = alerts_of(world.state, filled(kind), world.state)
        raised |= {alert.subject.partition(":")[0] for alert in alerts}

    assert len(raised) > 8
    assert raised <= set(TELLERS)


async def test_a_strategys_ticket_rings_at_everybody_who_may_trade(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    world.roles[TRADER] = Role.VIEWER
    async with world.speaking():
        ticket = await world.offer(owner_id=None)
        await world.until_told()

    (card,) = await phones.messages(OWNER)
    assert card.has_button("Confirm")
    assert ticket.short_id in card.text
    assert not card.silent
    assert await phones.messages(TRADER) == []


async def test_a_persons_ticket_answers_the_message_that_asked_for_it_and_nobody_else(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    asked = await phones.say(TRADER, "/buy btc 0.01")
    async with world.speaking():
        await world.offer(owner_id=TRADER, message_id=asked)
        await world.until_told()

    _, card = await phones.messages(TRADER)
    assert card.has_button("Confirm")
    assert card.reply_to == asked
    assert await phones.messages(OWNER) == []


async def test_a_ticket_asked_for_in_a_group_is_shown_there_alone(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    await world.bind(GROUP, OWNER)
    async with world.speaking():
        await world.offer(owner_id=TRADER, chat_id=GROUP)
        await world.until_told()

    assert len(await phones.messages(GROUP)) == 1
    assert await phones.messages(TRADER) == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (TicketStatus.APPROVED, "Confirmed"),
        (TicketStatus.EXPIRED, "Expired"),
        (TicketStatus.MOVED, "Price moved"),
        (TicketStatus.CANCELED, "Cancelled"),
        (TicketStatus.DENIED, "Denied"),
    ],
)
async def test_every_card_of_a_ticket_is_edited_to_its_outcome(
    world: SpeakingWorld, phones: Sandbox, status: TicketStatus, words: str
) -> None:
    async with world.speaking():
        ticket = await world.offer(owner_id=None)
        await world.until_told()
        await world.happen(world.end(ticket, status))
        await world.until_told()

    for chat_id in (OWNER, TRADER):
        (card,) = await phones.messages(chat_id)
        assert words in card.text
        assert not card.has_button("Confirm")


async def test_a_fill_card_answers_its_tickets_card(world: SpeakingWorld, phones: Sandbox) -> None:
    async with world.speaking():
        ticket = await world.offer(owner_id=OWNER)
        await world.until_told()
        await world.happen(world.end(ticket, TicketStatus.APPROVED))
        order = await world.submit(ticket_id=ticket.ticket_id)
        await world.happen(world.fill(order, "0.01"))
        await world.until_told()

    card, fill = await phones.messages(OWNER)
    assert "Confirmed" in card.text
    assert fill.reply_to == card.message_id
    assert ticket.short_id.replace("T-", "O-") in fill.text


async def test_a_strategys_ticket_rings_again_twice_and_its_former_ping_goes(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    async with world.speaking():
        await world.offer(owner_id=None)
        await world.until_told()
        counts = []
        for seconds in (10, 21, 42, 55):
            world.clock.ahead = timedelta(seconds=seconds)
            counts.append(await world.pings.look())
            await world.until_told()

    assert counts == [0, 2, 2, 0]
    assert len(await phones.messages(OWNER)) == 1
    assert len(await phones.messages(OWNER, deleted=True)) == 3


async def test_a_persons_own_ticket_never_rings_again(world: SpeakingWorld) -> None:
    async with world.speaking():
        await world.offer(owner_id=OWNER)
        await world.until_told()
    world.clock.ahead = timedelta(seconds=30)

    assert await world.pings.look() == 0


async def test_still_open_rings_again_until_acknowledged(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    entry = await world.submit()
    await world.happen(world.fill(entry, "0.01"))
    (position,) = world.state.positions.values()
    at = world.clock.now()
    started = e.FlattenStarted(
        at=at, actor=PERSON, keys=(position.key,), quantities=(position.quantity,)
    )
    async with world.speaking():
        await world.happen(world.halt(), started)
        await world.until_told()
        await world.happen(e.FlattenStillOpen(at=at, lines=("binance:BTC/USDT 0.01",)))
        await world.until_told()
        world.clock.ahead = timedelta(seconds=61)
        assert await world.pings.look() == 2
        await world.until_told()
        (shout,) = [one for one in await phones.messages(OWNER) if "STILL OPEN" in one.text]
        assert not shout.silent

        await world.happen(e.AlertAcknowledged(at=at, subject="flatten", actor=PERSON))
        world.clock.ahead = timedelta(seconds=200)
        assert await world.pings.look() == 0


async def test_a_silent_venue_rings_and_its_answer_rings_below(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    async with world.speaking():
        at = world.clock.now()
        await world.happen(e.VenueWentSilent(at=at, venue="binance", reason="timeout"))
        await world.until_told()
        await world.happen(e.VenueAnswered(at=at, venue="binance"))
        await world.until_told()

    silent, answers = await phones.messages(OWNER)
    assert "silent" in silent.text
    assert "answers again" in answers.text
    assert answers.reply_to == silent.message_id


async def test_books_that_differ_ring_and_the_card_is_edited_to_its_end(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    async with world.speaking():
        at = world.clock.now()
        await world.happen(
            e.BooksDiffer(
                at=at,
                venue="binance",
                lines=("SOL/USDT: here 12, there 10",),
                keys=("binance:SOL/USDT",),
            )
        )
        await world.until_told()
        (card,) = await phones.messages(OWNER)
        assert "Books differ" in card.text
        await world.happen(e.BooksEqual(at=at, venue="binance"))
        await world.until_told()

    (card,) = await phones.messages(OWNER)
    assert "Books equal again" in card.text


async def test_a_resume_is_told_with_who_did_it(world: SpeakingWorld, phones: Sandbox) -> None:
    async with world.speaking():
        await world.happen(world.halt())
        await world.until_told()
        await world.happen(e.TradingResumed(at=world.clock.now(), actor=PERSON))
        await world.until_told()

    resumed = (await phones.messages(TRADER))[-1]
    assert "ACTIVE since" in resumed.text
    assert "owner 4242" in resumed.text


async def test_a_slippage_alert_answers_the_fill_card(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    order = await world.submit()
    async with world.speaking():
        price = PRICES["BTC/USDT"] * Decimal("1.0062")
        await world.happen(world.fill(order, "0.01", price=price))
        await world.until_told()

    by_words = {"Slippage 62" in one.text: one for one in await phones.messages(OWNER)}
    assert set(by_words) == {True, False}


async def test_a_reached_stop_a_denied_wish_a_warning_and_a_backlog_are_told(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    at = world.clock.now()
    price = PRICES["BTC/USDT"]
    quote = Quote(venue="binance", symbol="BTC/USDT", bid=price, ask=price, mark=price, at=at)
    strategy = Actor(kind=ActorKind.STRATEGY, name="breakout")
    entry = await world.submit()
    await world.happen(world.fill(entry, "0.01"))
    (position,) = world.state.positions.values()
    async with world.speaking():
        await world.happen(
            e.ExitTriggered(
                at=at,
                key="binance:BTC/USDT",
                position_id=position.position_id,
                leg="stop",
                price=price,
                quote=quote,
            ),
            e.OrderDenied(
                at=at,
                signal_id="s9",
                ticket_id=None,
                venue="binance",
                symbol="BTC/USDT",
                side=OrderSide.BUY,
                kind=OrderKind.MARKET,
                purpose=OrderPurpose.ENTRY,
                quantity=Decimal(1),
                notional=price,
                price_limit=None,
                breaches=(e.Breach(rule="order_notional", sentence="Order size, limit 1,000.00"),),
                actor=strategy,
            ),
            e.BreakerWarned(at=at, kind="daily_loss", value=Decimal("1.6"), limit=Decimal(2)),
            e.BacklogSetAside(
                at=at, chat_id=OWNER, items=("13:53 buy btc",), done=(), down_since=None
            ),
        )
        await world.until_told()

    told = "\n".join(one.text for one in await phones.messages(OWNER))
    for words in ("Stop reached", "Denied", "80% of limit", "set aside"):
        assert words in told
    assert "set aside" not in "\n".join(one.text for one in await phones.messages(TRADER))


async def test_the_daily_report_makes_no_sound_and_carries_its_picture(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    async def draw(_day: date) -> bytes | None:
        return PNG

    world.alerts._tellings = Tellings(replace(world.desk, day_picture=draw))
    report = replace(
        filled(e.DayReported),
        at=world.clock.now(),
        day=date(2026, 11, 17),
        day_open=Decimal("12431.90"),
        equity=Decimal("12553.40"),
    )
    async with world.speaking():
        await world.happen(report)
        await world.until_told()

    (card,) = await phones.messages(OWNER)
    assert "17 Nov +121.50" in card.text
    assert card.media is not None
    assert card.silent
