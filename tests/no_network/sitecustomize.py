"""Python imports this at its start, in the processes that tests start too: none of them may reach the network."""

import sys

_REFUSED = {"socket.connect", "socket.getaddrinfo"}


def _refuse(event: str, _: object) -> None:
    if event in _REFUSED:
        raise ConnectionRefusedError(f"{event}: penjing uses no network that the user did not ask for")


sys.addaudithook(_refuse)
