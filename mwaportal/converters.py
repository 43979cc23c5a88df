"""Names in addresses."""

from django.urls import register_converter

_NEW = "new"  # pairs/new/ is the page that makes one


class PairName:
    """A pair's name, which may hold a slash: servers decode %2F before anybody can ask."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return _NEW if value == "~n" else value.replace("~1", "/").replace("~0", "~")

    def to_url(self, value: str) -> str:
        return "~n" if value == _NEW else value.replace("~", "~0").replace("/", "~1")


register_converter(PairName, "pair")
