"""The key that a node is reached with: its public half."""

import os
import subprocess


def public_half(private: str) -> str:
    """What belongs into authorized_keys, 'type base64'. The key stays in memory.

    Raises ValueError where it is no private key of ssh, or has a passphrase.
    """
    held = os.memfd_create("mwa-ssh-key")
    try:
        os.fchmod(held, 0o600)
        os.write(held, private.strip().encode() + b"\n")
        command = ["ssh-keygen", "-y", "-P", "", "-f", f"/proc/{os.getpid()}/fd/{held}"]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise ValueError(f"ssh-keygen on this host: {error}; needed is the program") from error
    finally:
        os.close(held)
    if done.returncode:
        raise ValueError("is no private key of ssh without a passphrase")
    return " ".join(done.stdout.split()[:2])
