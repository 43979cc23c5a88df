"""Where the files of a node are, from a shell: the host, and the access to it by ssh."""

import getpass

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import CommandError

from mwaportal.env import envsecret
from mwaportal.shell import tell
from nodes.models import Pair
from tracking import nodefiles


def add_arguments(parser):
    """The options of the verb."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--host", default="", help="as every host reaches it; an engine there is told the same"
    )
    where.add_argument("--here", action="store_true", help="the portal's own host, again")
    parser.add_argument("--port", type=int, default=22, help="of its sshd (%(default)s)")
    parser.add_argument("--user", default="root", help="owners are kept only by root (%(default)s)")
    parser.add_argument(
        "--fingerprint", default="", metavar="SHA256:...", help="of the host key to be pinned"
    )


def carry_out(node, given):
    """Do what was asked for; yields lines. Nothing is stored before a fingerprint is confirmed.

    Raises `CommandError` or `ValidationError`.
    """
    if given["here"]:
        nodefiles.forget(node, getpass.getuser())
        _tell(node)
        yield f"the files of node {node} are on the portal's host; the key is forgotten"
        return
    private = _key()
    found = _said(lambda: nodefiles.look(given["host"], given["port"], given["user"], private))
    yield f"{found.host} port {found.port} shows the host key {found.host_key.split()[1]} {found.fingerprint}"
    yield f"its authorized_keys of {found.user} needs: {found.public}"
    if not given["fingerprint"]:
        yield (
            "nothing is stored. Compare it with the host's console (ssh-keygen -l -f"
            f" /etc/ssh/ssh_host_...pub); if it is the same, once more with --fingerprint {found.fingerprint}"
        )
        return
    _said(lambda: nodefiles.keep(node, found, private, given["fingerprint"], getpass.getuser()))
    _tell(node)
    yield f"the files of node {node} are on {given['host']}; its host key is pinned, and the ssh key stored"


def _key():
    """The private half of the key that the environment gives."""
    try:
        private = envsecret("MWA_SSH_KEY")
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    if not private:
        raise CommandError(
            "MWA_SSH_KEY is empty, needed is the private half of an ssh key without a passphrase;"
            " or MWA_SSH_KEY_FILE, a file that holds it"
        )
    return private


def _said(act):
    """A refusal, by where what was refused comes from here."""
    try:
        return act()
    except ValidationError as refusal:
        of_key = "private" in getattr(refusal, "error_dict", {})
        text = "; ".join(refusal.messages)
        raise CommandError(f"MWA_SSH_KEY: {text}" if of_key else text) from refusal


def _tell(node):
    for pair in Pair.objects.filter(source=node) | Pair.objects.filter(copy=node):
        tell(pair)
