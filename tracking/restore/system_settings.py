"""What ALTER SYSTEM has set on the source: a copy is another machine, so somebody decides about each."""

import re
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from nodes.postgres.connect import Connection
from tracking.compare import session

from .difference import CHANGED, INELIGIBLE, MISSING, Difference, Kind

_TYPE = "SYSTEM SETTING"
_QUERY = sql.SQL(Path(__file__).with_name("system_settings.sql").read_text())
# They say where things are on a machine, who it is, whom it follows and is followed by, or hold its secrets.
_OF_A_MACHINE = re.compile(
    r"port|listen_addresses|cluster_name|unix_socket_.*|bonjour.*|ssl|ssl_.*|krb_.*|\w+_file|\w+_directory|"
    r"\w+_(command|library)|external_pid_file|primary_.*|recovery_.*|synchronous_standby_names|"
    r"synchronized_standby_slots|log_filename|dynamic_.*_path|extension_control_path|.*shared_memory_type|"
    r"huge_page.*|event_source|syslog_ident|io_method|stats_temp_directory|temp_tablespaces"
)
# In the smallest unit of each family (PostgreSQL documentation, "Parameter Names and Values").
_UNITS = {
    "B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40,
    "us": 1, "ms": 1000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000,
}  # fmt: skip
_NUMBER = re.compile(r"\s*([-+]?[0-9.]+(?:e[-+]?[0-9]+)?|0x[0-9a-f]+)\s*([a-zA-Z]*)\s*", re.IGNORECASE)
_UNIT = re.compile(r"([0-9]*)([a-zA-Z]+)")
_YES, _NO = ("on", "true", "yes", "1", "t", "y"), ("off", "false", "no", "0", "f", "n")


@dataclass(frozen=True)
class Setting:
    """A setting of the server; `unit` is what a bare number counts in."""

    value: str
    by_alter_system: bool
    type: str  # pg_settings.vartype
    unit: str

    @property
    def meaning(self) -> object:
        """The same for every way of writing the same value."""
        value = self.value.strip()
        if self.type == "bool":
            return "on" if value.lower() in _YES else "off" if value.lower() in _NO else value
        if self.type in ("integer", "real") and (number := _NUMBER.fullmatch(value)):
            amount = int(number[1], 16) if number[1].lower().startswith("0x") else float(number[1])
            return amount if amount < 0 else amount * _factor(number[2] or self.unit)
        return value.lower() if self.type == "enum" else value


def find(primary: Connection, secondary: Connection) -> list[Difference]:
    """Settings made with ALTER SYSTEM on the source, but for those of a machine, that the copy has not."""
    source, copy = _read(primary), _read(secondary)
    found = []
    for name, setting in source.items():
        if not setting.by_alter_system or _OF_A_MACHINE.fullmatch(name):
            continue
        there = copy.get(name)
        if there is None or there.meaning != setting.meaning:
            change = MISSING if there is None else CHANGED
            found.append(Difference(_TYPE, "", name, change, INELIGIBLE, _by_hand(name, setting, there)))
    return found


KIND = Kind(_TYPE, find, of_cluster=True)


def _read(connection: Connection) -> dict[str, Setting]:
    rows = session.read(connection, _QUERY, {})
    return {row[0]: Setting(row[1] or "", *row[2:]) for row in rows}


def _factor(unit: str) -> int:
    found = _UNIT.fullmatch(unit)
    return int(found[1] or 1) * _UNITS.get(found[2], 1) if found else 1


def _by_hand(name: str, setting: Setting, there: Setting | None) -> str:
    statement = sql.SQL("alter system set {} = {}").format(sql.Identifier(*name.split(".")), setting.value)
    now = "the copy does not know it" if there is None else f"on the copy it is {there.value or repr('')}"
    return f"{now}; if it fits that machine: {statement.as_string()}; then reload or restart the server"
