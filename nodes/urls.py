"""What is asked of a pair, below pairs/<name>/."""

from django.urls import path, re_path

from . import views

urlpatterns = [
    re_path(r"^(?P<how>start|pause|remove)/$", views.ask, name="pair-ask"),
    path("swap/", views.request_swap, name="swap-request"),
    path("swap/<int:pk>/approve/", views.approve_swap, name="swap-approve"),
    path("swap/<int:pk>/reject/", views.reject_swap, name="swap-reject"),
    path("swap/<int:pk>/cancel/", views.cancel_swap, name="swap-cancel"),
    path("criteria/rules/<int:pk>/remove/", views.remove_rule, name="rule-remove"),
    path("criteria/<int:pk>/commit/", views.commit_criteria, name="criteria-commit"),
    path("criteria/<int:pk>/roll-back/", views.roll_back_criteria, name="criteria-roll-back"),
]
