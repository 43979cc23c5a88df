"""Log lines: plain text on standard error, and no password in them whoever wrote them."""

import logging
import re

_QUOTED = r"""''[^']+(?:''|$)|'(?:[^'\\]|\\.|'')*'?|"(?:[^"\\]|\\.)*"?"""  # or cut off before its end
_SECRETS = re.compile(
    rf"""(?P<given>password['"]?\s*[=:]\s*)(?:{_QUOTED}|\S+)"""  # a connection string, a dictionary
    rf"""|(?P<said>password\s+)(?:{_QUOTED})"""  # SQL
    r"""|\b(?P<url>\w+://[^\s:/@]*:)[^\s@]+(?=@)""",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """The text without the passwords of connection strings, URLs, dictionaries and SQL statements."""
    return _SECRETS.sub(lambda match: (match["given"] or match["said"] or match["url"]) + "***", text)


class RedactingFormatter(logging.Formatter):
    """A seat belt: a driver's error or a traceback may quote a connection string."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
