"""The paths of accounts, below /api/v1/."""

from django.urls import path

from accounts import limit_views, views

urlpatterns = [
    path("auth/register", views.RegisterView.as_view(), name="register"),
    path("auth/login", views.LoginView.as_view(), name="login"),
    path("auth/refresh", views.RefreshView.as_view(), name="refresh"),
    path("auth/logout", views.LogoutView.as_view(), name="logout"),
    path("me", views.MeView.as_view(), name="me"),
    path("me/rate-limits", limit_views.RateLimitsView.as_view(), name="rate_limits"),
]
