import os
import subprocess
import sys
from pathlib import Path

import pytest

from nodes.postgres.connect import one
from tests.settled import in_step

TOP = Path(__file__).parents[1]
ROWS = """
from datetime import timedelta
from django.contrib.auth.models import Group, User
from django.contrib.flatpages.models import FlatPage
from django.contrib.redirects.models import Redirect
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sites.models import Site
from django.utils import timezone
from wagtail.models import Collection, Page
from taggit.models import Tag
group = Group.objects.create(name="writers")
for number in range(20):
    user = User.objects.create_user(f"user{number}", password="secret")
    user.groups.add(group)
site = Site.objects.first() or Site.objects.create(name="one", domain="one.example")
Redirect.objects.create(site=site, old_path="/old", new_path="/new")
FlatPage.objects.create(url="/flat/", title="flat").sites.add(site)
store = SessionStore()
store["n"] = 1
store.save()
Collection.get_first_root_node().add_child(name="pictures")
root = Page.get_first_root_node()
for number in range(10):
    page = root.add_child(instance=Page(title=f"Page {number} %I", slug=f"page-{number}", owner=user))
    page.save_revision(user=user).publish()
page.move(root.get_children().first(), pos="last-child")
Page.objects.last().delete()
Tag.objects.create(name="red")
User.objects.filter(username="user1").delete()
"""

# What can be undone: before that, wagtail's own migrations fail wherever they run.
BACK = [
    "flatpages zero", "redirects zero", "sites zero", "sessions zero", "admin zero",
    "wagtailsearchpromotions zero", "wagtailforms zero", "wagtailredirects zero", "wagtailembeds zero",
    "wagtailusers zero", "wagtailsearch zero", "wagtaildocs 0011", "wagtailimages 0023", "wagtailadmin 0001",
    "wagtailcore 0085", "wagtailcore 0060", "taggit 0001", "auth 0002",
]  # fmt: skip


def site(engine, *command: str) -> None:
    """A command of the site, in a process of its own on the primary."""
    names = {
        "DJANGO_SETTINGS_MODULE": "tests.framework_site",
        "SITE_CONNINFO": engine.database.source_conninfo,
    }
    ran = subprocess.run(
        [sys.executable, "-m", "django", *command], env={**os.environ, **names}, cwd=TOP, timeout=300,
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]


def migrate(engine, *targets: str) -> None:
    """One after the other; in one process, as its start takes longer than most migrations."""
    statement = "from django.core.management import call_command as call\n"
    for target in targets or ("",):
        arguments = ["migrate", *target.split()]
        statement += f"call(*{arguments!r}, skip_checks=True, interactive=False, verbosity=0)\n"
    site(engine, "shell", "--no-imports", "--command", statement)


@pytest.fixture
def replicating(engine):
    """A pair that is ACTIVE, without a table."""
    engine.migrate()
    return engine


def test_the_migrations_of_a_framework_arrive_forwards_and_backwards_with_a_pause_between(replicating):
    migrate(replicating)
    assert one(replicating.database.source, "select count(*) from public.django_migrations") > 200
    in_step(replicating)
    site(replicating, "shell", "--no-imports", "--command", ROWS)
    in_step(replicating)
    migrate(replicating, *BACK[: len(BACK) // 2])
    in_step(replicating)
    replicating.ask("PAUSED")
    replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
    migrate(replicating, *BACK[len(BACK) // 2 :])
    assert one(replicating.database.source, "select count(*) from public.django_migrations") < 150
    replicating.ask("SYNC")
    in_step(replicating)
    migrate(replicating)
    in_step(replicating)
