"""Every reason why a migration could fail or do harm, looked for before anything is touched."""

from nodes.postgres.preflight.check import Check, Options, passed
from nodes.postgres.preflight.databases import create_statement
from nodes.postgres.preflight.runner import run
from nodes.postgres.preflight.text import report

__all__ = ["Check", "Options", "create_statement", "passed", "report", "run"]
