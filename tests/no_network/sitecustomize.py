"""Python imports this at its start, in the processes that tests start too: none of them may reach the network.

This machine itself, where tests start servers, is no network.
"""

import sys

_HERE = {"127.0.0.1", "::1", "localhost"}


def _host(event: str, arguments: tuple) -> object:
    if event == "socket.getaddrinfo":
        return arguments[0]
    address = arguments[1]
    return address[0] if isinstance(address, tuple) else "localhost"  # else a socket in a file


def _refuse(event: str, arguments: tuple) -> None:
    if event in {"socket.connect", "socket.getaddrinfo"} and _host(event, arguments) not in _HERE:
        raise ConnectionRefusedError(f"{event}: penjing uses no network that the user did not ask for")


sys.addaudithook(_refuse)
