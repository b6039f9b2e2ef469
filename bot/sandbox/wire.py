"""The shape of what goes over the wire."""

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
