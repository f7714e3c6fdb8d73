"""The endpoints of accounts."""

from accounts.views.devices import SessionsView, SessionView
from accounts.views.pages import PasswordResetPage, VerifyEmailPage
from accounts.views.passwords import EmailVerifyView, PasswordChangeView, PasswordResetConfirmView, PasswordResetView
from accounts.views.signing_in import LoginView, LogoutView, MeView, RefreshView, RegisterView

__all__ = [
    "EmailVerifyView",
    "LoginView",
    "LogoutView",
    "MeView",
    "PasswordChangeView",
    "PasswordResetConfirmView",
    "PasswordResetPage",
    "PasswordResetView",
    "RefreshView",
    "RegisterView",
    "SessionView",
    "SessionsView",
    "VerifyEmailPage",
]
