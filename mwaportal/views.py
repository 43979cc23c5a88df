"""Coming in and going out."""

from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from . import doorbell
from .models import TokenBucket


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
