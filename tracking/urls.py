"""The live pages, and what is asked of the lists below pairs/<name>/."""

from django.urls import path

from mwaportal import converters  # noqa: F401

from . import file_views, views
from .listing.views import ask
from .pages import PAGES

_WITH_FORM = ("", "criteria", "files")  # these have a view of their own above

urlpatterns = [
    path("", views.home, name="home"),
    path("object-types/", views.object_types, name="object-types"),
    path("exports/<str:view>.<str:form>", views.export, name="export"),
    path("pairs/<pair:name>/criteria/", views.criteria, name="criteria"),
    path("pairs/<pair:name>/pools/<int:number>/compare/", views.compare, name="compare"),
    path("pairs/<pair:name>/definitions/<int:pk>/<slug:act>/", views.definition, name="definition"),
    path("pairs/<pair:name>/objects/<int:pk>/<slug:act>/", views.other, name="other"),
    path("pairs/<pair:name>/migrated/<int:pk>/remove/", views.forget_migrated, name="migrated-remove"),
    path("pairs/<pair:name>/<slug:key>/bulk/<slug:act>/", ask, name="bulk"),
    path("pairs/<pair:name>/files/", file_views.roots, name="files"),
    path("pairs/<pair:name>/files/roots/<int:number>/remove/", file_views.remove, name="root-remove"),
    path("pairs/<pair:name>/files/roots/<int:number>/compare/", file_views.compare, name="root-compare"),
    path("pairs/<pair:name>/files/<int:pk>/<slug:act>/", file_views.act, name="file"),
    path("pairs/<pair:name>/", views.show, {"key": ""}, name="pair"),
    *(
        path(f"pairs/<pair:name>/{key}/", views.show, {"key": key}, name=key)
        for key in PAGES
        if key not in _WITH_FORM
    ),
]
