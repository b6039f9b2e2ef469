import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from telegram import Bot

from bot.buckets import Rate, Rates
from bot.sandbox.faults import FaultKind
from bot.sandbox.limits import Rates as TelegramsRates
from bot.sandbox.server import Sandbox
from engine import events as e
from engine.alerts import Lane
from engine.commands import AlertKind, AlertMode
from engine.orders import OrderSide
from engine.risk_limits import TradingState
from engine.scopes import Scope, ScopeKind
from storage.tables import OUTBOX
from tests.bot.speech.conftest import GROUP, OWNER, TRADER, client_of
from tests.bot.speech.world import BRISK, PERSON, SpeakingWorld, speaking_world, until


@pytest.fixture
async def world(bot: Bot, tmp_path: Path) -> AsyncIterator[SpeakingWorld]:
    async with speaking_world(bot, tmp_path) as made:
        await made.bind(OWNER)
        yield made


async def texts(phones: Sandbox, chat_id: int) -> list[str]:
    return [seen.text for seen in await phones.messages(chat_id)]


async def reasons(world: SpeakingWorld) -> list[str]:
    """Give why rows were dropped, oldest first."""
    statement = (
        select(OUTBOX.c.reason).where(OUTBOX.c.status == "dropped").order_by(OUTBOX.c.row_id)
    )
    return await world.database.read(lambda c: [str(row[0]) for row in c.execute(statement)])


async def ended(world: SpeakingWorld) -> dict[str, int]:
    """Count the rows by what became of them."""
    rows = await world.database.read(lambda c: c.execute(select(OUTBOX.c.status)).all())
    return {status: sum(row[0] == status for row in rows) for status in ("sent", "dropped")}


async def test_the_first_fill_rings_and_the_next_ones_edit_its_card(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    order = await world.submit(quantity="0.03")
    async with world.speaking():
        for _ in range(3):
            await world.happen(world.fill(order, "0.01"))
            await world.until_told()

    (card,) = await phones.messages(OWNER)
    assert not card.silent
    assert card.edits == 2
    assert "Bought 0.03 BTC" in card.text


async def test_a_fill_that_completes_a_minute_after_its_card_is_a_new_message(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    order = await world.submit(quantity="0.02")
    async with world.speaking():
        await world.happen(world.fill(order, "0.01"))
        await world.until_told()
        world.clock.ahead = timedelta(seconds=61)
        await world.happen(world.fill(order, "0.01"))
        await world.until_told()

    first, second = await phones.messages(OWNER)
    assert "0.01 / 0.02" in first.text
    assert "Bought 0.02 BTC" in second.text
    assert second.reply_to == first.message_id
    assert not second.silent


async def test_a_burst_of_fills_of_one_order_is_told_at_once(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    order = await world.submit(quantity="0.20")
    for _ in range(20):
        await world.happen(world.fill(order, "0.01"))
    async with world.speaking():
        await world.until_told()

    (card,) = await phones.messages(OWNER)
    assert "Bought 0.2 BTC" in card.text
    assert card.edits == 0
    assert (await ended(world))["sent"] == 20


async def test_a_late_fill_of_a_finished_order_rings(world: SpeakingWorld, phones: Sandbox) -> None:
    order = await world.submit(quantity="0.02")
    async with world.speaking():
        await world.happen(world.fill(order, "0.01"))
        canceled = e.OrderCanceled(at=world.clock.now(), client_order_id=order.client_order_id)
        await world.happen(canceled)
        await world.until_told()
        await world.happen(replace(world.fill(order, "0.01"), is_late=True))
        await world.until_told()

    assert len(await phones.messages(OWNER)) == 2


async def test_an_unknown_order_rings_is_edited_at_each_ask_and_rings_when_found(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    order = await world.submit()
    name = order.client_order_id
    async with world.speaking():
        now = world.clock.now()
        await world.happen(e.OrderUnknown(at=now, client_order_id=name, reason="timeout"))
        await world.until_told()
        await world.happen(
            e.OrderAsked(at=now, client_order_id=name, nowhere=True, text="not in open orders")
        )
        await world.until_told()
        await world.happen(world.fill(order, "0.01"))
        await world.until_told()

    unknown, found = await phones.messages(OWNER)
    assert "Unknown: buy BTC" in unknown.text
    assert unknown.edits == 1
    assert "Found: BTC bought" in found.text
    assert found.reply_to == unknown.message_id
    assert not found.silent


async def test_an_order_the_venue_never_had_is_settled_in_a_new_message(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    order = await world.submit()
    name, now = order.client_order_id, world.clock.now()
    async with world.speaking():
        await world.happen(e.OrderUnknown(at=now, client_order_id=name, reason="timeout"))
        await world.until_told()
        await world.happen(
            e.OrderAsked(at=now, client_order_id=name, nowhere=True, text="nowhere"),
            e.OrderRejected(
                at=now, client_order_id=name, code="not_found", reason="never accepted"
            ),
        )
        await world.until_told()

    _, settled = await phones.messages(OWNER)
    assert "Settled: BTC not bought" in settled.text


async def test_a_rejected_order_is_told(world: SpeakingWorld, phones: Sandbox) -> None:
    order = await world.submit()
    async with world.speaking():
        await world.happen(
            e.OrderRejected(
                at=world.clock.now(),
                client_order_id=order.client_order_id,
                code="insufficient",
                reason="not enough USDT",
            )
        )
        await world.until_told()

    (card,) = await phones.messages(OWNER)
    assert "Rejected" in card.text


async def test_a_fill_that_nobody_here_asked_for_is_told(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    order = await world.submit()
    booked = world.fill(order, "0.01")
    stray = e.FillBooked(
        at=booked.at,
        fill=type(booked.fill)(
            venue="binance",
            symbol="SOL/USDT",
            trade_id="t-stray",
            side=OrderSide.BUY,
            quantity=Decimal(2),
            price=Decimal("149.90"),
            fee=Decimal("0.3"),
            fee_currency="USDT",
            at=booked.at,
        ),
        fee_quote=Decimal("0.3"),
        fee_base=Decimal(0),
        is_swap=False,
    )
    async with world.speaking():
        await world.happen(stray)
        await world.until_told()

    assert "A fill not from here: SOL" in (await texts(phones, OWNER))[0]


async def test_a_stop_rings_at_every_operator(world: SpeakingWorld, phones: Sandbox) -> None:
    await world.bind(TRADER)
    await world.bind(GROUP, OWNER)
    async with world.speaking():
        await world.happen(world.halt())
        await world.until_told()

    for chat_id in (OWNER, TRADER, GROUP):
        (card,) = await phones.messages(chat_id)
        assert "HALTED" in card.text
        assert card.has_button("Flatten")
        assert not card.silent


async def test_a_flatten_edits_the_ladder_and_its_verdict_rings(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    entry = await world.submit()
    await world.happen(world.fill(entry, "0.01"))
    (position,) = world.state.positions.values()
    async with world.speaking():
        await world.until_told()
        await world.happen(world.halt())
        await world.until_told()
        at = world.clock.now()
        await world.happen(
            e.FlattenStarted(
                at=at, actor=PERSON, keys=(position.key,), quantities=(position.quantity,)
            )
        )
        await world.until_told()
        _, ladder = await phones.messages(OWNER)
        assert "Flattening" in ladder.text
        assert ladder.edits >= 1
        await world.happen(
            e.FlattenStillOpen(at=at, lines=("binance:BTC/USDT 0.01",)),
        )
        await world.until_told()
        await world.happen(e.FlattenEnded(at=at))
        await world.until_told()

    *_, still, flat = await phones.messages(OWNER)
    assert "STILL OPEN" in still.text
    assert "FLAT, verified" in flat.text
    assert not still.silent
    assert not flat.silent


async def test_what_is_still_open_and_a_breaker_ring_each_minute_until_acknowledged(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    async with world.speaking():
        await world.happen(world.breaker())
        await world.until_told()
        assert await world.pings.look() == 0
        (first,) = await phones.messages(OWNER)

        world.clock.ahead = timedelta(seconds=61)
        assert await world.pings.look() == 1
        await world.until_told()
        (second,) = await phones.messages(OWNER)
        assert second.message_id > first.message_id
        assert "Breaker" in second.text
        assert not second.silent

        await world.happen(
            e.AlertAcknowledged(at=world.clock.now(), subject="breaker:b1", actor=PERSON)
        )
        world.clock.ahead = timedelta(seconds=200)
        assert await world.pings.look() == 0


async def test_the_card_of_a_breaker_says_when_it_is_re_armed_and_rings_no_more(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    async with world.speaking():
        await world.happen(world.breaker())
        await world.until_told()
        (card,) = await phones.messages(OWNER)
        with_code = replace(PERSON, with_code=True)
        at = world.clock.now()
        await world.happen(
            e.BreakerRearmed(at=at, breaker_id="b1", actor=with_code, kind="daily_loss")
        )
        await world.until_told()
        (same,) = await phones.messages(OWNER)
        assert same.message_id == card.message_id
        assert "Re-armed: daily loss" in same.text
        assert f"By {PERSON.text} with code" in same.text
        assert same.labels == []
        world.clock.ahead = timedelta(seconds=200)
        assert await world.pings.look() == 0


async def test_the_card_of_a_warning_says_when_it_is_over_and_the_next_one_is_new(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    about: dict[str, Any] = {"kind": "reject_rate", "limit": Decimal(50)}
    venue = Scope(kind=ScopeKind.VENUE, name="binance")
    async with world.speaking():
        for number in (1, 2):
            at = world.clock.now()
            await world.happen(e.BreakerWarned(at=at, value=Decimal(41), scope=venue, **about))
            await world.until_told()
            *_, card = await phones.messages(OWNER)
            assert "Reject rate at 82%" in card.text
            await world.happen(e.BreakerEased(at=at, value=Decimal(30), scope=venue, **about))
            await world.until_told()
            cards = await phones.messages(OWNER)
            assert len(cards) == number
            assert cards[-1].message_id == card.message_id
            assert "Reject rate fell back" in cards[-1].text


async def test_a_warning_that_is_over_before_it_was_told_is_told_once_and_says_so(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    at, limit = world.clock.now(), Decimal(50)
    about: dict[str, Any] = {"at": at, "kind": "reject_rate", "limit": limit}
    venue = Scope(kind=ScopeKind.VENUE, name="binance")
    await world.happen(
        e.BreakerWarned(value=Decimal(41), scope=venue, **about),
        e.BreakerEased(value=Decimal(30), scope=venue, **about),
    )
    async with world.speaking():
        await world.until_told()
        (card,) = await phones.messages(OWNER)
        assert "Reject rate at 82%" in card.text
        assert "It has fallen back since." in card.text


async def test_a_scope_that_is_held_back_is_told_to_everybody(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    venue = Scope(kind=ScopeKind.VENUE, name="binance")
    async with world.speaking():
        await world.bind(TRADER)
        for trading, words in (
            (TradingState.HALTED, "HALTED: Binance"),
            (TradingState.ACTIVE, "ACTIVE again: Binance"),
        ):
            await world.happen(
                e.TradingStateSet(at=world.clock.now(), scope=venue, trading=trading, actor=PERSON)
            )
            await world.until_told()
            for chat in (OWNER, TRADER):
                *_, card = await phones.messages(chat)
                assert words in card.text
                assert not card.silent


async def test_a_storm_under_twenty_a_minute_the_breaker_first_and_every_fill_accounted_for(
    bot: Bot, phones: Sandbox, tmp_path: Path
) -> None:
    # Telegram's limits, a hundred times as fast on both sides.
    rates = Rates(
        overall=Rate(size=30, window_s=0.02),
        chat=Rate(size=3, window_s=0.03),
        group=Rate(size=20, window_s=0.6),
    )
    await phones.limit(
        TelegramsRates(overall_per_s=3000, chat_per_s=100, chat_burst=3, group_per_min=2000)
    )
    async with speaking_world(bot, tmp_path, rates=rates) as world:
        await world.bind(GROUP, OWNER)
        orders = [await world.submit(quantity="0.06") for _ in range(10)]
        for _ in range(6):
            for order in orders:
                await world.happen(world.fill(order, "0.01"))
        await world.happen(world.breaker())
        depth = await world.outbox.depth()
        assert (depth[Lane.STOP], depth[Lane.FILL]) == (1, 60)

        async with world.speaking():
            await world.until_told()

        seen = await phones.messages(GROUP)
        assert "Breaker" in seen[0].text
        cards = [message.text for message in seen[1:]]
        assert len(cards) == 10
        assert all("Bought 0.06 BTC" in text for text in cards)
        assert await ended(world) == {"sent": 61, "dropped": 0}


async def test_a_stop_overtakes_what_waits_behind_the_limit(
    bot: Bot, phones: Sandbox, tmp_path: Path
) -> None:
    rates = Rates(
        overall=Rate(size=30, window_s=0.02),
        chat=Rate(size=3, window_s=0.2),
        group=Rate(size=20, window_s=0.6),
    )
    async with speaking_world(bot, tmp_path, rates=rates) as world:
        await world.bind(OWNER)
        for _ in range(8):
            order = await world.submit()
            await world.happen(world.fill(order, "0.01"))
        async with world.speaking():
            await phones.wait_for_text("Bought", chat_id=OWNER)
            await world.happen(world.halt())
            await world.until_told()

        order_of = ["HALTED" in text for text in await texts(phones, OWNER)]
        assert order_of.index(True) < 5
        assert len(order_of) == 9


async def test_a_429_in_one_chat_holds_no_other_one_up(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    await world.bind(TRADER)
    await phones.fail("sendMessage", FaultKind.FLOOD, retry_after_s=1, chat_id=OWNER)
    async with world.speaking():
        await world.happen(world.halt())
        await phones.wait_for_text("HALTED", chat_id=TRADER)
        assert await phones.messages(OWNER) == []
        await world.until_told()

    assert len(await phones.messages(OWNER)) == 1
    assert len(await phones.messages(TRADER)) == 1


async def test_a_network_that_comes_back_brings_everything_in_order(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    order = await world.submit(quantity="0.02")
    await phones.network(up=False)
    async with world.speaking():
        await world.happen(world.fill(order, "0.01"))
        await world.happen(world.fill(order, "0.01"))
        await world.happen(world.halt())
        await until(lambda: _attempts(world))
        await phones.network(up=True)
        await world.until_told()

    seen = await texts(phones, OWNER)
    assert len(seen) == 2
    assert any("Bought 0.02 BTC" in text for text in seen)
    assert any("HALTED" in text for text in seen)
    assert (await ended(world))["dropped"] == 0


async def test_different_subjects_come_in_the_order_they_happened_after_an_outage(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    sizes = ("0.011", "0.012", "0.013", "0.014")
    orders = [await world.submit(quantity=size) for size in sizes]
    await phones.network(up=False)
    async with world.speaking():
        # given fills of four orders while nobody can be reached, the oldest tried again and again
        for order, size in zip(orders, sizes, strict=True):
            await world.happen(world.fill(order, size))
        await until(lambda: _alone(world))
        # when the network is back
        await phones.network(up=True)
        await world.until_told()

    seen = [text for text in await texts(phones, OWNER) if "Bought" in text]
    told = [next(size for size in sizes if f"Bought {size} BTC" in text) for text in seen]
    assert told == list(sizes)


async def _alone(world: SpeakingWorld) -> bool:
    """Tell whether the oldest is tried again and again, and nothing younger is under way."""
    statement = select(OUTBOX.c.attempts, OUTBOX.c.status).order_by(OUTBOX.c.row_id)
    rows = await world.database.read(lambda c: c.execute(statement).all())
    (oldest, *younger) = [row for row in rows if row.status in ("due", "sending")]
    return int(oldest.attempts) >= 4 and all(row.status == "due" for row in younger)


async def _attempts(world: SpeakingWorld) -> int:
    statement = select(OUTBOX.c.attempts).where(OUTBOX.c.status == "due")
    rows = await world.database.read(lambda c: c.execute(statement).all())
    return max((int(row[0]) for row in rows), default=0)


@pytest.mark.parametrize("kind", [FaultKind.INTERNAL, FaultKind.BAD_GATEWAY])
async def test_a_server_in_trouble_loses_nothing(
    world: SpeakingWorld, phones: Sandbox, kind: FaultKind
) -> None:
    await phones.fail("sendMessage", kind, count=6)
    async with world.speaking():
        await world.happen(world.halt())
        await world.until_told()

    assert any("HALTED" in text for text in await texts(phones, OWNER))


async def test_a_chat_that_blocked_the_bot_is_reported_to_the_owners_once(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    await world.bind(TRADER)
    await phones.block(TRADER)
    orders = [await world.submit() for _ in range(2)]
    async with world.speaking():
        for order in orders:
            await world.happen(world.fill(order, "0.01"))
            await world.until_told()

    notices = [text for text in await texts(phones, OWNER) if "takes no messages" in text]
    assert len(notices) == 1
    assert "Trader 77 blocked this bot" in notices[0]
    assert TRADER in world.blocked
    tries = [c for c in await phones.calls("sendMessage") if c.chat_id == TRADER]
    assert len(tries) == 1


async def test_a_blocked_chat_is_remembered_over_a_restart_and_forgotten_once_it_writes(
    bot: Bot, phones: Sandbox, tmp_path: Path
) -> None:
    await phones.block(TRADER)
    async with speaking_world(bot, tmp_path) as world:
        await world.bind(OWNER)
        await world.bind(TRADER)
        order = await world.submit()
        await world.happen(world.fill(order, "0.01"))
        async with world.speaking():
            await world.until_told()

    async with speaking_world(bot, tmp_path) as world:
        order = await world.submit()
        await world.happen(world.fill(order, "0.01"))
        async with world.speaking():
            await world.until_told()
            assert TRADER in world.blocked
            await phones.unblock(TRADER)
            await world.blocked.heard_from(TRADER)
            order = await world.submit()
            await world.happen(world.fill(order, "0.01"))
            await world.until_told()

    assert len(await phones.messages(TRADER)) == 1
    assert sum("takes no messages" in text for text in await texts(phones, OWNER)) == 1


async def test_a_kill_repeats_what_was_in_flight_and_says_so(
    bot: Bot, phones: Sandbox, tmp_path: Path
) -> None:
    async with speaking_world(bot, tmp_path) as world:
        await world.bind(OWNER)
        await phones.fail("sendMessage", FaultKind.HANG, hang_s=0.2)
        async with world.speaking():
            await world.happen(world.halt())
            await until(lambda: phones.calls("sendMessage"))
    await until(lambda: phones.messages(OWNER))
    (first,) = await phones.messages(OWNER)
    assert "repeat" not in first.text

    async with speaking_world(bot, tmp_path) as world, world.speaking():
        await world.until_told()

    _, second = await phones.messages(OWNER)
    assert "HALTED" in second.text
    assert "repeat" in second.text


async def test_a_kill_before_the_send_makes_no_repeat(
    bot: Bot, phones: Sandbox, tmp_path: Path
) -> None:
    async with speaking_world(bot, tmp_path) as world:
        await world.bind(OWNER)
        await world.happen(world.halt())

    async with speaking_world(bot, tmp_path) as world, world.speaking():
        await world.until_told()

    (card,) = await phones.messages(OWNER)
    assert "repeat" not in card.text


async def test_alerts_of_one_subject_keep_their_order(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    order = await world.submit(quantity="0.05")
    await phones.fail("sendMessage", FaultKind.INTERNAL, count=1)
    async with world.speaking():
        for _ in range(5):
            await world.happen(world.fill(order, "0.01"))
            await asyncio.sleep(0.005)
        await world.until_told()

    (card,) = [seen for seen in await phones.messages(OWNER) if not seen.deleted]
    assert "Bought 0.05 BTC" in card.text
    edits = await phones.calls("editMessageText")
    shown = [call.parameters["text"] for call in edits if "Bought" in call.parameters["text"]]
    filled = [text.count("/ 0.05") for text in shown]
    assert filled == sorted(filled, reverse=True)


async def test_silent_makes_no_sound_and_off_makes_no_message(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    await world.bind(TRADER)
    at = world.clock.now()
    await world.happen(
        e.AlertModeSet(at=at, chat_id=OWNER, kind=AlertKind.FILL, mode=AlertMode.SILENT),
        e.AlertModeSet(at=at, chat_id=TRADER, kind=AlertKind.FILL, mode=AlertMode.OFF),
    )
    order = await world.submit()
    async with world.speaking():
        await world.happen(world.fill(order, "0.01"))
        await world.happen(world.halt())
        await world.until_told()

    fill, stop = sorted(await phones.messages(OWNER), key=lambda seen: "HALTED" in seen.text)
    assert fill.silent
    assert not stop.silent
    (only,) = await texts(phones, TRADER)
    assert "HALTED" in only


async def test_who_is_no_longer_an_operator_is_told_nothing(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    await world.bind(TRADER)
    del world.roles[TRADER]
    async with world.speaking():
        await world.happen(world.halt())
        await world.until_told()

    assert await phones.messages(TRADER) == []
    assert await reasons(world) == ["no longer an operator"]


async def test_a_stranger_is_reported_to_owners_alone(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    await world.bind(TRADER)
    async with world.speaking():
        await world.happen(e.StrangerNoted(at=world.clock.now(), user_id=555, messages=3))
        await world.until_told()

    assert "stranger" in (await texts(phones, OWNER))[0]
    assert await phones.messages(TRADER) == []


async def test_a_card_that_was_deleted_comes_again(world: SpeakingWorld, phones: Sandbox) -> None:
    order = await world.submit(quantity="0.02")
    async with world.speaking():
        await world.happen(world.fill(order, "0.01"))
        await world.until_told()
        (card,) = await phones.messages(OWNER)
        await world.delivery.delete(OWNER, card.message_id)
        await world.happen(world.fill(order, "0.01"))
        await world.until_told()

    (again,) = await phones.messages(OWNER)
    assert "Bought 0.02 BTC" in again.text


async def test_a_card_that_cannot_be_drawn_is_told_in_plain_words(
    world: SpeakingWorld, phones: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    order = await world.submit(quantity="0.02")
    world.state = world.state.__class__(
        **{
            **{name: getattr(world.state, name) for name in world.state.__slots__},
            "equity": None,
        }
    )
    broken = e.BreakerWarned(
        at=world.clock.now(), kind="drawdown", value=Decimal(10**60), limit=Decimal(2)
    )
    async with world.speaking():
        await world.happen(broken, world.fill(order, "0.02"))
        await world.until_told()

    seen = await texts(phones, OWNER)
    assert any("could not be drawn" in text and "BreakerWarned" in text for text in seen)
    assert any("Bought 0.02 BTC" in text for text in seen)
    assert "card not drawn" in [record.message for record in caplog.records]


async def test_two_processes_after_each_other_edit_the_same_card(
    phones: Sandbox, tmp_path: Path
) -> None:
    async with client_of(phones) as bot, speaking_world(bot, tmp_path, pace=BRISK) as world:
        await world.bind(OWNER)
        order = await world.submit(quantity="0.02")
        await world.happen(world.fill(order, "0.01"))
        async with world.speaking():
            await world.until_told()

    async with client_of(phones) as bot, speaking_world(bot, tmp_path) as world:
        await world.happen(world.fill(order, "0.01"))
        async with world.speaking():
            await world.until_told()

    (card,) = await phones.messages(OWNER)
    assert "Bought 0.02 BTC" in card.text


async def test_an_alert_waits_for_the_state_that_its_card_is_drawn_from(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    # given an entry that is halfway filled, and the card that says so
    order = await world.submit(quantity="0.02")
    async with world.speaking():
        await world.happen(world.fill(order, "0.01"))
        await world.until_told()
        # when the rest is durable a moment before the engine's State shows it
        before = world.state
        await world.happen(world.fill(order, "0.01"))
        after, world.state = world.state, before
        await asyncio.sleep(0.3)
        world.state = after
        world.outbox.changed.set()
        await world.until_told()

    # then the card ends with what happened, and the alert is not spent on the older State
    (card,) = await phones.messages(OWNER)
    assert "Bought 0.02 BTC" in card.text
