"""The live pages, and what is asked of the lists below pairs/<name>/."""

from django.urls import path

from mwaportal import converters  # noqa: F401

from . import (
    compare_views,
    file_views,
    health_views,
    node_views,
    property_views,
    sample_views,
    setup_views,
    views,
)
from .listing.views import ask
from .pages import PAGES

# These have a view of their own below.
_WITH_FORM = (
    "", "compare", "criteria", "databases", "files", "health", "nodes", "properties", "recorder",
)  # fmt: skip

urlpatterns = [
    path("", views.home, name="home"),
    path("object-types/", views.object_types, name="object-types"),
    path("exports/<str:view>.<str:form>", views.export, name="export"),
    path("pairs/new/", setup_views.new_pair, name="pair-new"),
    path("pairs/<pair:name>/nodes/", node_views.nodes, name="nodes"),
    path("pairs/<pair:name>/databases/", setup_views.databases, name="databases"),
    path("pairs/<pair:name>/setup/preflight/", setup_views.preflight, name="preflight"),
    path("pairs/<pair:name>/properties/", property_views.properties, name="properties"),
    path("pairs/<pair:name>/properties/<int:number>/", property_views.properties, name="pool-properties"),
    path("pairs/<pair:name>/criteria/", views.criteria, name="criteria"),
    path("pairs/<pair:name>/pools/<int:number>/control-point/", views.control_point, name="control-point"),
    path("pairs/<pair:name>/pools/<int:number>/end-session/", views.end_session, name="session-end"),
    path("pairs/<pair:name>/pools/<int:number>/compare/", views.compare, name="pool-compare"),
    path("pairs/<pair:name>/types/count/", views.count_types, name="types-count"),
    path("pairs/<pair:name>/compare/", compare_views.page, name="compare"),
    path("pairs/<pair:name>/compare/start/", compare_views.start, name="compare-start"),
    path("pairs/<pair:name>/compare/schedule/", compare_views.schedule, name="compare-schedule"),
    path("pairs/<pair:name>/compare/runs/<int:pk>/stop/", compare_views.stop, name="compare-stop"),
    path(
        "pairs/<pair:name>/compare/files/<int:pk>/stop/", compare_views.stop_files, name="compare-stop-files"
    ),
    path("pairs/<pair:name>/compare/results/<int:pk>/again/", compare_views.again, name="compare-again"),
    path("pairs/<pair:name>/definitions/<int:pk>/<slug:act>/", views.definition, name="definition"),
    path("pairs/<pair:name>/objects/<int:pk>/<slug:act>/", views.other, name="other"),
    path("pairs/<pair:name>/migrated/<int:pk>/remove/", views.forget_migrated, name="migrated-remove"),
    path("pairs/<pair:name>/<slug:key>/bulk/<slug:act>/", ask, name="bulk"),
    path("pairs/<pair:name>/files/", file_views.roots, name="files"),
    path("pairs/<pair:name>/files/roots/<int:number>/remove/", file_views.remove, name="root-remove"),
    path("pairs/<pair:name>/files/roots/<int:number>/compare/", file_views.compare, name="root-compare"),
    path("pairs/<pair:name>/files/<int:pk>/<slug:act>/", file_views.act, name="file"),
    path("pairs/<pair:name>/introduction/", views.introduction_read, name="introduction-read"),
    path("pairs/<pair:name>/samples/", sample_views.samples, name="samples"),
    path("pairs/<pair:name>/health/", health_views.health, name="health"),
    path(
        "pairs/<pair:name>/health/alerts/<int:pk>/acknowledge/",
        health_views.acknowledge,
        name="alert-acknowledge",
    ),
    path("pairs/<pair:name>/recorder/", health_views.flight_recorder, name="recorder"),
    path("pairs/<pair:name>/recorder/lines.csv", health_views.lines, name="recorder-lines"),
    path("pairs/<pair:name>/support.zip", health_views.support_bundle, name="bundle"),
    path("pairs/<pair:name>/", views.show, {"key": ""}, name="pair"),
    *(
        path(f"pairs/<pair:name>/{key}/", views.show, {"key": key}, name=key)
        for key in PAGES
        if key not in _WITH_FORM
    ),
]
