"""Every page and every action, by the room that answers."""

from django.urls import include, path

from . import converters, views  # noqa: F401

urlpatterns = [
    path("login/", views.Login.as_view(), name="login"),
    path("password/", views.PasswordChange.as_view(), name="password-change"),
    path("logout/", views.Logout.as_view(), name="logout"),
    path("", include("tracking.urls")),
    path("pairs/<pair:name>/", include("nodes.urls")),
]
