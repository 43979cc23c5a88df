"""Coming in, choosing a password, and going out."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy

from . import doorbell
from .models import OneTimePassword, TokenBucket


class LoginForm(AuthenticationForm):
    """Counts failed attempts before it looks at the password."""

    def clean(self) -> dict[str, str]:
        address, name = client_address(self.request), self.cleaned_data.get("username", "")
        if not (TokenBucket.login_by_address(address) and TokenBucket.login_by_name(name)):
            raise ValidationError("Too many attempts. Try again in a few minutes.", code="throttled")
        cleaned = super().clean()
        TokenBucket.login_succeeded(address, name)
        return cleaned


class Login(views.LoginView):
    authentication_form = LoginForm
    redirect_authenticated_user = True


class PasswordForm(PasswordChangeForm):
    """The new password is another one than the old."""

    def clean(self) -> dict[str, str]:
        cleaned = super().clean()
        if cleaned.get("old_password") and cleaned["old_password"] == cleaned.get("new_password1"):
            self.add_error("new_password1", "This is the password you have. Choose another one.")
        return cleaned


class PasswordChange(views.PasswordChangeView):
    """One's own password; where it was a one-time password, everything else opens now."""

    form_class = PasswordForm
    template_name = "registration/password_change.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: PasswordForm) -> HttpResponse:
        response = super().form_valid(form)
        OneTimePassword.objects.filter(user=self.request.user).delete()
        messages.success(self.request, "Your password has been changed.")
        return response


class Logout(views.LogoutView):
    """Also ends the sockets of the session, which would not notice by themselves."""

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        user_id = request.user.pk
        response = super().post(request, *args, **kwargs)
        if user_id:
            doorbell.end_session(user_id)
        return response


def client_address(request: HttpRequest) -> str:
    """Who is asking; from X-Forwarded-For only where one of our own proxies has written it."""
    address = request.META.get("REMOTE_ADDR", "")
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if address in settings.TRUSTED_PROXIES and forwarded:
        return forwarded.rsplit(",", 1)[-1].strip()
    return address
