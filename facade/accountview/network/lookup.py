"""The addresses behind a host's name, looked up until a deadline.

The system's resolver knows no deadline and cannot be interrupted, so it is asked in a thread that is left behind when
it takes too long. The threads of an event loop are none for it: there are few, and a loop waits for them at its end.
"""

import asyncio
import socket
import threading
from concurrent.futures import Future
from ipaddress import ip_address

from accountview.deadline import Deadline


def addresses(host: str, deadline: Deadline) -> list[str]:
    """In the order in which they should be tried. Raises OSError, which TimeoutError is as well."""
    return _asked(host).result(max(deadline.left, 0))


async def addresses_async(host: str, deadline: Deadline) -> list[str]:
    """The same, awaited."""
    async with asyncio.timeout(max(deadline.left, 0)):
        return await asyncio.wrap_future(_asked(host))


def _asked(host: str) -> "Future[list[str]]":
    found: Future[list[str]] = Future()
    found.set_running_or_notify_cancel()  # so that who gives up leaves it as it is

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except UnicodeError:
            found.set_exception(OSError("no name of a host"))
        except OSError as error:
            found.set_exception(error)
        else:
            found.set_result(list(dict.fromkeys(str(row[4][0]) for row in rows)))

    if _is_address(host):
        found.set_result([host])
    else:
        threading.Thread(target=ask, name="accountview-lookup", daemon=True).start()
    return found


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
