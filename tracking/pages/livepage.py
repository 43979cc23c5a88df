"""What a page of a pair is: its address, its socket, and which parts of it are live."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from nodes.models import Pair

from .view import PairView

_LONGEST = 2_000  # characters of a parameter


@dataclass(frozen=True)
class LivePage:
    """A page of a pair, at pairs/<name>/<key>/ and its socket at ws/pairs/<name>/<key>/.

    `parts` are ids of elements, each with its partial in templates/<folder>/. `takes` are the parameters of
    the address that it looks at: pages with other parameters are other pages to a socket.
    """

    key: str
    label: str
    group: str
    context: Callable[[PairView], dict[str, Any]]
    parts: tuple[str, ...]
    takes: frozenset[str] = frozenset()
    shares: str = ""  # a folder of templates with other pages

    @property
    def folder(self) -> str:
        """Where its templates are."""
        return self.shares or self.key or "overview"

    @property
    def name(self) -> str:
        """Of its address, for `reverse`."""
        return self.key or "pair"

    def address(self, pair: Pair, query: Mapping[str, str] | None = None) -> str:
        """Of this page for a pair; its socket's is the same below /ws."""
        path = reverse(self.name, args=[pair.name])
        return f"{path}?{urlencode(query)}" if query else path

    def taken(self, given: Mapping[str, str]) -> dict[str, str]:
        """The parameters that this page looks at, in one order; the others change nothing."""
        return {name: given[name][:_LONGEST] for name in sorted(self.takes) if given.get(name)}
