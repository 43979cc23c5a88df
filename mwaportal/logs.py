"""Log lines: plain text on standard error, and no password in them whoever wrote them."""

import logging
import re

_SECRETS = re.compile(
    r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)|(\w+://[^\s:/@]*:)[^\s@]+(?=@)", re.IGNORECASE
)


def redact(text: str) -> str:
    """The text with every `password=...` and every password in a URL replaced."""
    return _SECRETS.sub(lambda match: (match[1] or match[3]) + "***", text)


class RedactingFormatter(logging.Formatter):
    """A seat belt: a driver's error or a traceback may quote a connection string."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
