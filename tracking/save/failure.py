"""The error of everything that has to do with definitions."""


class DefinitionFailed(Exception):
    """A definition could not be read or made; the message names the object and has the server's words."""

    def __init__(self, what: str, message: str) -> None:
        super().__init__(f"{what}: {message}")
        self.what, self.message = what, message
