"""How many SQL queries each page of a pair takes is pinned: one more for every entry would show here.

After a wanted change: UPDATE_QUERY_COUNTS=1 make test PYTEST=tests/test_portal_queries.py
"""

import json
import os
from pathlib import Path

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.lists import make_lists, more_lists
from tests.portal import make_copies, make_people
from tracking.pages import PAGES

PINNED = Path(__file__).with_name("query_counts.json")


def counted(client: Client) -> dict[str, int]:
    found = {}
    for page in PAGES.values():
        path = f"/pairs/shop/{page.key}/".replace("//", "/")
        assert client.get(path).status_code == 200
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        found[page.key or "overview"] = len(queries)
    return found


@pytest.mark.django_db
def test_the_number_of_queries_of_every_page_is_pinned_and_no_more_with_many_entries():
    ContentType.objects.clear_cache()
    olga = make_people()["olga"]
    client = Client()
    client.force_login(olga)
    pair = make_lists(4)
    make_copies(pair.pools.get(), 10)
    few = counted(client)
    if os.environ.get("UPDATE_QUERY_COUNTS"):
        PINNED.write_text(json.dumps(few, indent=2) + "\n")
    assert few == json.loads(PINNED.read_text())
    more_lists(pair, 60)
    assert counted(client) == few
