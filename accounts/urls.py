"""The paths of accounts: those of the API, below /api/v1/, and the pages that links in mails lead to."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("me", views.MeView.as_view(), name="me"),
    path("auth/register", views.RegisterView.as_view(), name="register"),
    path("auth/login", views.LoginView.as_view(), name="login"),
    path("auth/refresh", views.RefreshView.as_view(), name="refresh"),
    path("auth/logout", views.LogoutView.as_view(), name="logout"),
    path("auth/password/change", views.PasswordChangeView.as_view(), name="password_change"),
    path("auth/password/reset", views.PasswordResetView.as_view(), name="password_reset"),
    path("auth/password/reset/confirm", views.PasswordResetConfirmView.as_view(), name="password_reset_confirm"),
    path("auth/email/verify", views.EmailVerifyView.as_view(), name="email_verify"),
    path("me/sessions", views.SessionsView.as_view(), name="sessions"),
    path("me/sessions/<str:id>", views.SessionView.as_view(), name="session"),
]
pages = [
    path("reset-password", views.PasswordResetPage.as_view(), name="reset_password_page"),
    path("verify-email", views.VerifyEmailPage.as_view(), name="verify_email_page"),
]
