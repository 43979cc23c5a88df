"""Where the files of a node are, from a shell: the host, and the access to it by ssh."""

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from mwaportal.env import envsecret
from mwaportal.shell import tell
from nodes.models import Pair
from tracking.ifs.host import Host
from tracking.ifs.host_key import fingerprint, scan_host_key
from tracking.ifs.login_key import public_half
from tracking.ifs.not_reached import NotReached


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
        node.file_host, node.file_port, node.file_user = "", 22, "root"
        node.file_key = node.file_host_key = ""
        _keep(node)
        yield f"the files of node {node} are on the portal's host; the key is forgotten"
        return
    private, public = _key()
    host_key = _shown_key(given["host"], given["port"])
    seen = fingerprint(host_key)
    yield f"{given['host']} port {given['port']} shows the host key {host_key.split()[1]} {seen}"
    yield f"its authorized_keys of {given['user']} needs: {public}"
    if not given["fingerprint"]:
        yield (
            "nothing is stored. Compare it with the host's console (ssh-keygen -l -f"
            f" /etc/ssh/ssh_host_...pub); if it is the same, once more with --fingerprint {seen}"
        )
        return
    if given["fingerprint"] != seen:
        raise CommandError(
            f"{given['host']} shows the host key {seen}, and not {given['fingerprint']}: somebody may be in"
            " between, or the wrong key was confirmed; nothing is stored"
        )
    _store(node, given, private, host_key)
    yield f"the files of node {node} are on {given['host']}; its host key is pinned, and the ssh key stored"


def _key():
    """Both halves of the key that the environment gives."""
    try:
        private = envsecret("MWA_SSH_KEY")
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    if not private:
        raise CommandError(
            "MWA_SSH_KEY is empty, needed is the private half of an ssh key without a passphrase;"
            " or MWA_SSH_KEY_FILE, a file that holds it"
        )
    try:
        return private, public_half(private)
    except ValueError as error:
        raise CommandError(f"MWA_SSH_KEY: {error}") from error


def _shown_key(host, port):
    try:
        return scan_host_key(host, port)
    except (NotReached, ValueError) as error:
        raise CommandError(str(error)) from error


def _store(node, given, private, host_key):
    node.file_host, node.file_port, node.file_user = given["host"], given["port"], given["user"]
    node.file_key, node.file_host_key = private, host_key
    try:
        Host(node.file_host, node.file_port, node.file_user, private, host_key)
    except ValueError as error:
        raise CommandError(str(error)) from error
    _keep(node)


def _keep(node):
    node.full_clean()
    node.save(update_fields=["file_host", "file_port", "file_user", "file_key", "file_host_key"])
    for pair in Pair.objects.filter(source=node) | Pair.objects.filter(copy=node):
        tell(pair)
