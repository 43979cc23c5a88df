"""The preflights of one pair that somebody asked for, one at a time, beside the pair's loop."""

import logging
from dataclasses import asdict

from django.db import DatabaseError

from mwaportal import doorbell
from nodes.models import Pair
from nodes.postgres.preflight.place import redact
from tracking.models import PreflightRun

from . import jobs, paircheck
from .beside import Beside

_log = logging.getLogger("mwa.engine")


class Preflights:
    """Carries them out in a thread of its own: it takes seconds, and longer where a node is away."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._beside = Beside()

    def step(self, pair: Pair) -> None:
        """Begin the one that is asked for; also one that an engine has begun which is gone."""
        if self._beside.busy:
            return
        asked = pair.preflights.filter(ended_at=None).first()
        if asked is not None:
            asked.pair = pair
            asked.begin(self._owner)
            self._beside.begin(self._run, asked)

    def _run(self, asked: PreflightRun) -> None:
        try:
            with jobs.under_way(asked.pair_id, self._owner, "PREFLIGHT"):
                found = _found(asked)
            asked.end(**found)
        except DatabaseError as error:
            _log.warning("%s begins again: %s", asked, error)
        finally:
            doorbell.notify(asked.pair_id)


def _found(asked: PreflightRun) -> dict[str, object]:
    """The fields of the row; what goes wrong itself is an answer, too: nobody waits for one for ever."""
    try:
        databases = [pool.database for pool in asked.pair.pools.all()]
        looked = paircheck.run(asked.pair, create_databases=asked.create_databases)
    except DatabaseError:
        raise
    except Exception as error:
        _log.exception("%s", asked)
        pair = asked.pair
        said = redact(str(error).strip(), pair.source.own_conninfo, pair.copy.own_conninfo)
        return {"error": said or type(error).__name__}
    return {"databases": databases, "checks": [asdict(check) for check in looked.checks], "made": looked.made}
