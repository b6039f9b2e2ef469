import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.buckets import Bucket, Rate, Rates
from bot.clock import SystemClock
from bot.lanes import WAITING_MAX, Lanes, LanesFull
from engine.alerts import Lane

ALONE = Rate(size=1, window_s=0.02)
WIDE = Rate(size=1000, window_s=0.01)
NARROW = Rates(overall=ALONE, chat=WIDE, group=WIDE)


def lanes_of(rates: Rates) -> Lanes:
    return Lanes(rates=rates, monotonic=SystemClock().monotonic)


def test_the_limits_are_telegrams_own() -> None:
    rates = Rates()

    assert (rates.overall.size, rates.overall.window_s) == (30, 1.0)
    assert rates.chat.size / rates.chat.window_s == 1.0
    assert (rates.group.size, rates.group.window_s) == (20, 60.0)


def test_lower_lanes_may_use_seven_tenths_of_a_group_and_the_stop_all_of_it() -> None:
    bucket = Bucket(Rates().group)

    assert {lane: bucket.quota(lane) for lane in Lane} == {
        Lane.STOP: 20,
        Lane.TICKET: 14,
        Lane.FILL: 14,
        Lane.REPORT: 10,
    }


def test_a_stop_finds_a_token_when_fills_have_used_theirs() -> None:
    bucket = Bucket(Rates().group)
    for _ in range(14):
        assert bucket.wait_s(Lane.FILL, 0.0) == 0.0
        bucket.take()

    assert bucket.wait_s(Lane.FILL, 0.0) is None
    assert bucket.wait_s(Lane.STOP, 0.0) == 0.0


def test_a_token_returns_one_window_after_the_answer_not_after_the_request() -> None:
    bucket = Bucket(Rate(size=1, window_s=3.0))
    bucket.take()

    bucket.give_back(5.0)

    assert bucket.wait_s(Lane.STOP, 5.0) == 3.0
    assert bucket.wait_s(Lane.STOP, 8.0) == 0.0
    assert bucket.is_idle(8.0)


def test_after_a_burst_to_a_chat_the_next_message_waits_a_second_not_the_whole_window() -> None:
    bucket = Bucket(Rates().chat)
    burst = bucket.quota(Lane.TICKET)
    for _ in range(burst):
        bucket.take()
        bucket.give_back(0.0)

    waits_s: list[float] = []
    now_s = 0.0
    for _ in range(5):
        wait_s = bucket.wait_s(Lane.TICKET, now_s)
        assert wait_s is not None
        waits_s.append(wait_s)
        now_s += wait_s
        bucket.take()
        bucket.give_back(now_s)

    assert burst == 21
    assert waits_s == [1.0] * 5


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(list(Lane)), st.floats(min_value=0, max_value=5)), max_size=80
    )
)
def test_no_window_ever_holds_more_than_the_bucket(steps: list[tuple[Lane, float]]) -> None:
    rate = Rate(size=4, window_s=3.0)
    bucket = Bucket(rate)
    now_s = 0.0
    sent: list[float] = []

    for lane, pause_s in steps:
        now_s += pause_s
        wait_s = bucket.wait_s(lane, now_s)
        assert wait_s is not None
        now_s += wait_s
        assert bucket.wait_s(lane, now_s) == 0.0 or bucket.wait_s(lane, now_s + 1e-9) == 0.0
        bucket.take()
        sent.append(now_s)
        bucket.give_back(now_s)

    for start_s in sent:
        inside = [at_s for at_s in sent if start_s <= at_s < start_s + rate.window_s - 1e-6]
        assert len(inside) <= rate.size


async def test_whoever_waits_is_let_out_by_urgency_then_by_arrival() -> None:
    lanes = lanes_of(NARROW)
    out: list[str] = []

    async def speak(name: str, lane: Lane) -> None:
        with await lanes.turn(1, lane):
            out.append(name)

    with await lanes.turn(1, Lane.REPORT):
        tasks = []
        for name, lane in [
            ("board", Lane.REPORT),
            ("fill 1", Lane.FILL),
            ("ticket", Lane.TICKET),
            ("fill 2", Lane.FILL),
            ("stop", Lane.STOP),
        ]:
            tasks.append(asyncio.create_task(speak(name, lane)))
            await asyncio.sleep(0)
        assert lanes.depth == 5
    await asyncio.gather(*tasks)

    assert out == ["stop", "ticket", "fill 1", "fill 2", "board"]
    assert lanes.depth == 0


async def test_a_paused_chat_holds_nobody_else_up() -> None:
    lanes = lanes_of(Rates(overall=WIDE, chat=WIDE, group=WIDE))
    out: list[int] = []

    async def speak(chat_id: int) -> None:
        with await lanes.turn(chat_id, Lane.STOP):
            out.append(chat_id)

    lanes.pause(1, 0.05)
    await asyncio.gather(*(speak(chat_id) for chat_id in (1, 2, 1, 3)))

    assert out == [2, 3, 1, 1]
    assert lanes.paused_s(2) == 0.0


async def test_who_stops_waiting_gives_the_place_away() -> None:
    lanes = lanes_of(NARROW)

    async def speak() -> None:
        with await lanes.turn(1, Lane.FILL):
            pass

    with await lanes.turn(1, Lane.FILL):
        impatient = asyncio.create_task(speak())
        patient = asyncio.create_task(speak())
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
        assert lanes.depth == 1
    await patient

    assert lanes.depth == 0


async def test_who_is_cancelled_in_the_moment_of_the_turn_gives_it_back() -> None:
    now = [0.0]
    rates = Rates(overall=Rate(size=1, window_s=10.0), chat=WIDE, group=WIDE)
    lanes = Lanes(rates=rates, monotonic=lambda: now[0])
    holder = await lanes.turn(1, Lane.FILL)
    late = asyncio.create_task(lanes.turn(1, Lane.FILL))
    await asyncio.sleep(0)
    holder.give_back()
    now[0] = 10.0
    lanes.pause(2, 0)
    assert lanes.depth == 0

    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    now[0] = 20.0

    async with asyncio.timeout(5):
        (await lanes.turn(1, Lane.FILL)).give_back()


async def test_too_many_waiting_are_refused_but_a_stop_never_is() -> None:
    lanes = lanes_of(NARROW)

    async def speak(lane: Lane) -> None:
        with await lanes.turn(1, lane):
            pass

    with await lanes.turn(1, Lane.FILL):
        crowd = [asyncio.create_task(speak(Lane.FILL)) for _ in range(WAITING_MAX)]
        await asyncio.sleep(0)
        with pytest.raises(LanesFull):
            await speak(Lane.TICKET)
        stop = asyncio.create_task(speak(Lane.STOP))
        await asyncio.sleep(0)
        assert lanes.depth == WAITING_MAX + 1
    await stop
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)

    assert lanes.depth == 0


async def test_slow_answers_leave_connections_for_a_stop_and_for_a_tap() -> None:
    rates = Rates(overall=WIDE, chat=WIDE, group=WIDE)
    lanes = lanes_of(rates)
    fills = [await lanes.turn(chat_id, Lane.FILL) for chat_id in range(1, 5)]
    waiting = asyncio.create_task(lanes.turn(9, Lane.FILL))
    stops = [await lanes.turn(chat_id, Lane.STOP) for chat_id in range(1, 4)]

    assert not waiting.done()
    assert len(fills) + len(stops) == rates.in_flight.size
    for turn in (*fills, *stops):
        turn.give_back()
    (await waiting).give_back()


async def test_nothing_else_of_a_chat_is_under_way_beside_a_stop() -> None:
    lanes = lanes_of(Rates(overall=WIDE, chat=WIDE, group=WIDE))
    stop = await lanes.turn(1, Lane.STOP)
    fill = asyncio.create_task(lanes.turn(1, Lane.FILL))
    (await lanes.turn(2, Lane.FILL)).give_back()

    assert not fill.done()
    (await lanes.turn(1, Lane.STOP)).give_back()
    assert not fill.done()
    stop.give_back()
    (await fill).give_back()
