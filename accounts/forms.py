"""Forms of the admin."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from unfold.forms import AdminOwnPasswordChangeForm
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts import password_changes
from accounts.models import User, normalized_email
from nocturnal_project import clock


class NewUserForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A user made by staff, with a first password."""

    password = forms.CharField(
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        strip=False,
        max_length=1024,
        help_text="A first password of at least 12 characters, for the user to change.",
    )

    class Meta:
        """What staff fill in."""

        model = User
        fields = ("email", "name", "password", "is_staff")
        widgets = {"email": UnfoldAdminTextInputWidget(), "name": UnfoldAdminTextInputWidget()}

    def clean_email(self) -> str:
        """Return the spelling under which the e-mail is kept, so that a taken one is found."""
        email = normalized_email(self.cleaned_data["email"])
        if User.objects.filter(email=email).exists():
            raise forms.ValidationError("This e-mail has an account already.", code="unique")
        return email

    def clean_password(self) -> str:
        """Hold staff to the rules that registration has."""
        password: str = self.cleaned_data["password"]
        validate_password(password, self.instance)
        return password

    def save(self, commit: bool = True) -> Any:
        """Hash the password."""
        self.instance.set_password(self.cleaned_data["password"])
        return super().save(commit)


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """Staff change their own password: it ends their sessions in the API, as it does for everyone."""

    def save(self, commit: bool = True) -> Any:
        """Write the password; the browser's own session goes on, its others end with the old hash."""
        user = super().save(commit)
        password_changes.note_change(user, now=clock.now())
        return user
