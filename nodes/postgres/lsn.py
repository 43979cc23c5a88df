"""Positions in the write-ahead log (PostgreSQL documentation, type pg_lsn)."""


def parse(text: str) -> int:
    """The position 'X/Y' as one 64-bit number, so that positions can be compared and subtracted."""
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def render(position: int) -> str:
    """The position in PostgreSQL's own notation."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"
