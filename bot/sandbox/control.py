"""The verbs of the control API: what a page or a test can do to the sandbox."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from bot.sandbox import acts
from bot.sandbox.acts import ActRefused
from bot.sandbox.calls import Calls
from bot.sandbox.chats import Group, Person
from bot.sandbox.faults import Fault, FaultKind, Faults
from bot.sandbox.limits import Limits, Rates
from bot.sandbox.updates import QueueFull
from bot.sandbox.views import chat_view, message_view, query_view, state_view
from bot.sandbox.wire import Json
from bot.sandbox.world import World

CHANGES_TIMEOUT_S_MAX = 60.0
SHOWN_MAX = 500


class Control:
    """Performs a verb with a JSON body and gives a JSON answer."""

    def __init__(self, world: World, faults: Faults, calls: Calls) -> None:
        self._world = world
        self._faults = faults
        self._calls = calls
        self._verbs: dict[str, Callable[[Json], Json | Awaitable[Json]]] = {
            "state": self._state,
            "messages": self._messages,
            "chat": self._chat,
            "say": self._say,
            "press": self._press,
            "tap_key": self._tap_key,
            "answers": self._answers,
            "changes": self._changes,
            "inject": self._inject,
            "block": lambda body: self._block(body, blocked=True),
            "unblock": lambda body: self._block(body, blocked=False),
            "fail": self._fail,
            "heal": self._heal,
            "network": self._network,
            "calls": self._list_calls,
            "wait_for_call": self._wait_for_call,
            "add_person": self._add_person,
            "add_group": self._add_group,
            "limit": self._limit,
            "query_age": self._query_age,
        }

    async def perform(self, verb: str, body: Json) -> Json:
        """Do what the verb says. Raises: ActRefused for what cannot be done, or makes no sense."""
        action = self._verbs.get(verb)
        if action is None:
            raise ActRefused(f"there is no verb {verb!r}; there are {sorted(self._verbs)}")
        try:
            answer = action(body)
            return answer if isinstance(answer, dict) else await answer
        except (KeyError, TypeError, ValueError) as wrong:
            raise ActRefused(f"{verb}: wrong arguments ({wrong!r})") from wrong

    def _state(self, body: Json) -> Json:
        return state_view(self._world, network_up=self._faults.network_up)

    def _messages(self, body: Json) -> Json:
        chosen = body.get("chat_id")
        shown = (
            self._world.messages.values()
            if chosen is None
            else self._world.chat_messages(int(chosen), deleted=True)
        )
        deleted = bool(body.get("deleted"))
        return {
            "revision": self._world.feed.revision,
            "messages": [message_view(self._world, m) for m in shown if deleted or not m.deleted],
        }

    def _chat(self, body: Json) -> Json:
        user_id, chat_id = int(body["user_id"]), int(body["chat_id"])
        group = self._world.groups.get(chat_id)
        if chat_id != user_id and (group is None or user_id not in group.member_ids):
            raise ActRefused(f"person {user_id} is not in chat {chat_id}")
        return chat_view(self._world, chat_id, user_id, last=SHOWN_MAX)

    def _say(self, body: Json) -> Json:
        said = acts.say(
            self._world,
            int(body["user_id"]),
            str(body["text"]),
            chat_id=body.get("chat_id"),
            reply_to=body.get("reply_to"),
        )
        return {"message_id": said.message_id}

    def _press(self, body: Json) -> Json:
        query = acts.press(
            self._world,
            int(body["user_id"]),
            int(body["message_id"]),
            label=body.get("label"),
            row=body.get("row"),
            column=body.get("column"),
            callback_data=body.get("callback_data"),
            gone_ok=bool(body.get("gone_ok")),
        )
        return {"query_id": query.id}

    def _tap_key(self, body: Json) -> Json:
        said = acts.tap_key(
            self._world, int(body["user_id"]), str(body["label"]), chat_id=body.get("chat_id")
        )
        return {"message_id": said.message_id}

    def _answers(self, body: Json) -> Json:
        wanted = body.get("query_id")
        return {
            "answers": [
                query_view(one)
                for one in self._world.queries.all()
                if wanted is None or one.id == wanted
            ]
        }

    async def _changes(self, body: Json) -> Json:
        timeout_s = min(float(body.get("timeout_s", 30.0)), CHANGES_TIMEOUT_S_MAX)
        revision = await self._world.feed.wait_beyond(int(body["revision"]), timeout_s)
        return {"revision": revision}

    def _inject(self, body: Json) -> Json:
        update = body["update"]
        if not isinstance(update, dict) or not set(update) - {"update_id"}:
            raise ActRefused("an update has one more key than update_id")
        if "update_id" in update:
            self._world.updates.again(update)
            return {"update_id": update["update_id"]}
        try:
            return {"update_id": self._world.updates.push(update)}
        except QueueFull as full:
            raise ActRefused(str(QueueFull.__doc__)) from full

    def _block(self, body: Json, *, blocked: bool) -> Json:
        acts.set_blocked(self._world, int(body["user_id"]), blocked=blocked)
        return {}

    def _fail(self, body: Json) -> Json:
        self._faults.plan(Fault(**(body | {"kind": FaultKind(body["kind"])})))
        return {}

    def _heal(self, body: Json) -> Json:
        self._faults.heal()
        self._world.feed.publish("network", up=True)
        return {}

    def _network(self, body: Json) -> Json:
        self._faults.network_up = bool(body["up"])
        self._world.updates.wake()
        if not self._faults.network_up:
            self._world.updates.interrupt()
        self._world.feed.publish("network", up=self._faults.network_up)
        return {}

    def _list_calls(self, body: Json) -> Json:
        found = self._calls.after(int(body.get("after", 0)), body.get("method"))
        return {"calls": [asdict(one) for one in found]}

    async def _wait_for_call(self, body: Json) -> Json:
        timeout_s = min(float(body.get("timeout_s", 30.0)), CHANGES_TIMEOUT_S_MAX)
        found = await self._calls.wait_for(int(body.get("after", 0)), body.get("method"), timeout_s)
        return {"calls": [asdict(one) for one in found]}

    def _add_person(self, body: Json) -> Json:
        self._world.add_person(Person(**body))
        return {}

    def _add_group(self, body: Json) -> Json:
        members = tuple(int(one) for one in body["member_ids"])
        group = Group(**(body | {"member_ids": members}))
        if group.id >= 0 or not set(members) <= set(self._world.people):
            raise ActRefused("a group has a negative id and members that exist")
        self._world.add_group(group)
        return {}

    def _limit(self, body: Json) -> Json:
        rates = body.get("rates")
        self._world.limits = Limits(None if rates is None else Rates(**rates))
        return {}

    def _query_age(self, body: Json) -> Json:
        self._world.queries.age_s_max = float(body["age_s_max"])
        return {}
