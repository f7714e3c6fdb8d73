"""The cluster page, below the admin."""

from django.contrib import admin
from django.urls import path

from health.cluster import page

urlpatterns = [
    path("", admin.site.admin_view(page.page), name="cluster"),
    path("live/", admin.site.admin_view(page.part), name="cluster_live"),
]
