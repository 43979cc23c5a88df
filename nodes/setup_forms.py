"""What people type to set a pair up, and to change it. Connection strings go in and never come out again."""

from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from . import defining
from .models import Node, Pair

_CONNINFO = (
    "As psql takes it: host=old.example port=5432 dbname=postgres user=mover password=... It is tested now,"
    " kept encrypted, and not shown again."
)


class NameForm(forms.Form):
    """What a new pair is called."""

    name = forms.CharField(
        label="Name of the pair", max_length=63, help_text="Any word, for example what it moves."
    )


class NodeForm(forms.Form):
    """One side of a new pair: a node that there is, or a new one by its connection string."""

    node = forms.ModelChoiceField(Node.objects.order_by("name"), required=False, empty_label="A new one:")
    name = forms.CharField(max_length=63, required=False, help_text="What it is called here.")
    conninfo = forms.CharField(
        label="Connection string",
        required=False,
        max_length=10_000,
        widget=forms.PasswordInput({"autocomplete": "off"}),
        help_text=_CONNINFO,
    )
    may_be_away = forms.BooleanField(
        label="Keep it although it does not answer",
        required=False,
        help_text="For a server that is to be started later. Nothing is known of it until it answers.",
    )

    def __init__(self, side: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, prefix=side, auto_id="id_%s", **kwargs)
        self.side, self.why = side, ""
        self.fields["node"].label = f"{side.capitalize()} node"
        self.fields["name"].label = f"Name of the new {side}"
        self.fields["conninfo"].label = f"Connection string of the new {side}"

    def resolved(self, by: str) -> Node | None:
        """The node that was chosen, or a new one, kept from now on; None where the form says why not."""
        if not self.is_valid():
            return None
        given = self.cleaned_data
        if given["node"] is not None:
            return given["node"]
        if not given["name"]:
            self.add_error(
                "name", f"is empty; needed is a name for the new {self.side}, or a node that there is"
            )
            return None
        try:
            node, self.why = defining.add_node(
                given["name"], given["conninfo"], by, may_be_away=given["may_be_away"]
            )
        except ValidationError as refusal:
            _tell(self, refusal)
            return None
        return node


class ConninfoForm(forms.Form):
    """Another connection string for a node."""

    conninfo = forms.CharField(
        label="New connection string",
        max_length=10_000,
        widget=forms.PasswordInput({"autocomplete": "off"}),
        help_text=_CONNINFO,
    )
    may_be_away = forms.BooleanField(
        label="Keep it although it does not answer",
        required=False,
        help_text="Only for a node of pairs that have not been started.",
    )

    def replaced(self, node: Node, by: str) -> bool:
        """Whether the node has it now; else the form says why not."""
        if not self.is_valid():
            return False
        try:
            defining.replace_conninfo(node, by=by, **self.cleaned_data)
        except ValidationError as refusal:
            _tell(self, refusal)
            return False
        return True


def add_pair(form: NameForm, source: Node, copy: Node) -> Pair | None:
    """The new pair; None where the form says why not."""
    if not form.is_valid():
        return None
    try:
        return defining.add_pair(form.cleaned_data["name"], source, copy)
    except ValidationError as refusal:
        _tell(form, refusal)
        return None


def _tell(form: forms.Form, refusal: ValidationError) -> None:
    """Beside the field that it is about, if the form has it."""
    found = refusal.message_dict if hasattr(refusal, "error_dict") else {NON_FIELD_ERRORS: refusal.messages}
    for name, messages in found.items():
        for message in messages:
            form.add_error(name if name in form.fields else None, message)
