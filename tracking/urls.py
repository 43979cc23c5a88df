"""The live pages, and what is asked of the lists below pairs/<name>/."""

from django.urls import path

from mwaportal import converters  # noqa: F401

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("object-types/", views.object_types, name="object-types"),
    path("exports/<str:view>.<str:form>", views.export, name="export"),
    path("pairs/<pair:name>/", views.pair, name="pair"),
    path("pairs/<pair:name>/criteria/", views.criteria, name="criteria"),
    path("pairs/<pair:name>/pools/<int:number>/compare/", views.compare, name="compare"),
    path("pairs/<pair:name>/definitions/<int:pk>/<slug:act>/", views.definition, name="definition"),
    path("pairs/<pair:name>/objects/<int:pk>/<slug:act>/", views.other, name="other"),
    path("pairs/<pair:name>/migrated/<int:pk>/remove/", views.forget_migrated, name="migrated-remove"),
]
