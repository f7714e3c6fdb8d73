"""The limits page and what can be done from it, below the admin."""

from django.contrib import admin
from django.urls import path

from ratelimits.admin import actions, live

urlpatterns = [
    path("", admin.site.admin_view(live.page), name="rate_limits"),
    path("live/", admin.site.admin_view(live.part), name="rate_limits_live"),
    path("lift/", admin.site.admin_view(actions.page_of(actions.LIFT)), name="rate_limits_lift"),
    path("hold/", admin.site.admin_view(actions.page_of(actions.HOLD)), name="rate_limits_hold"),
    path("reset/", admin.site.admin_view(actions.page_of(actions.RESET)), name="rate_limits_reset"),
]
