"""A local Telegram: Bot API server and chat page, for the demo and for tests.

It imports nothing else of Quarterdeck, so it can stand in a process of its own.
"""

from bot.sandbox.acts import ActRefused
from bot.sandbox.chats import DEFAULT_PEOPLE, Group, Person
from bot.sandbox.client import SandboxClient
from bot.sandbox.faults import FaultKind
from bot.sandbox.limits import Rates
from bot.sandbox.seen import SeenAnswer, SeenCall, SeenMessage
from bot.sandbox.server import DEFAULT_TOKEN, Sandbox
from bot.sandbox.verbs import NothingCame

__all__ = [
    "DEFAULT_PEOPLE",
    "DEFAULT_TOKEN",
    "ActRefused",
    "FaultKind",
    "Group",
    "NothingCame",
    "Person",
    "Rates",
    "Sandbox",
    "SandboxClient",
    "SeenAnswer",
    "SeenCall",
    "SeenMessage",
]
