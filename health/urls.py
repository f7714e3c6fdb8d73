"""The probes, below /api/."""

from django.urls import path

from health import views

app_name = "health"
urlpatterns = [
    path("health", views.HealthView.as_view(), name="health"),
    path("health/live", views.LiveView.as_view(), name="live"),
    path("health/ready", views.ReadyView.as_view(), name="ready"),
]
