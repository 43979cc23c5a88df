"""What people type to say where the files of a node are."""

from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from nodes.models import Node

from . import nodefiles


class WriteOnly(forms.Textarea):
    """Text of several lines that goes in and is never shown, not even where it was refused."""

    def format_value(self, value: Any) -> str:
        """Nothing."""
        return ""


class FilesForm(forms.Form):
    """The host that has the files of a node, and the access to it by ssh."""

    host = forms.CharField(max_length=255, help_text="As every host reaches it.")
    port = forms.IntegerField(initial=22, min_value=1, max_value=65_535, help_text="Of its sshd.")
    user = forms.CharField(initial="root", max_length=64, help_text="Owners are kept only by root.")
    private = forms.CharField(
        label="Private key",
        max_length=20_000,
        widget=WriteOnly({"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text="Of ssh, without a passphrase. Kept encrypted, and not shown again.",
    )
    fingerprint = forms.CharField(
        required=False,
        max_length=100,
        help_text="Of its host key, by its own console: ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub",
    )

    def kept(self, node: Node, by: str) -> bool:
        """Whether it is stored, with the host key pinned; else the form says why not."""
        if not self.is_valid():
            return False
        given = self.cleaned_data
        try:
            found = nodefiles.look(given["host"], given["port"], given["user"], given["private"])
            if not given["fingerprint"]:
                raise ValidationError({"fingerprint": _to_compare(found)})
            nodefiles.keep(node, found, given["private"], given["fingerprint"].strip(), by)
        except ValidationError as refusal:
            said = refusal.message_dict if hasattr(refusal, "error_dict") else {}
            for name, messages in (said or {NON_FIELD_ERRORS: refusal.messages}).items():
                self.add_error(name if name in self.fields else None, messages)
            return False
        return True


def _to_compare(found: nodefiles.Access) -> str:
    return (
        f"{found.host} shows the host key {found.host_key.split()[1]} {found.fingerprint}. Compare it with"
        " its console, and give it here; nothing is stored before. Its authorized_keys of"
        f" {found.user} needs: {found.public}"
    )
