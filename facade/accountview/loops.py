"""Asynchronous work for callers that wait: also where an event loop runs already, as in a notebook."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def awaited(start: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What a coroutine returns; it runs in a thread of its own where an event loop runs already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(start)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(_run, start).result()


def _run(start: Callable[[], Coroutine[Any, Any, T]]) -> T:
    # Not returned by the coroutine that is run: when asyncio.run puts the handler of Ctrl-C back, it has the repr of
    # its task made, twice, and that is the repr of what the task returned. For 1000 accounts it takes 100 ms.
    found: list[T] = []

    async def find() -> None:
        found.append(await start())

    asyncio.run(find())
    return found[0]


def iterated(items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """What an asynchronous generator yields. Its loop runs in a thread of its own, which ends with the iteration.

    So it goes on while the caller looks at an item; and a caller who looks at no more ends it, wherever it was.
    """
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        ended = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), ended))
        await ended.wait()

    async def step() -> tuple[T] | None:
        async for item in items:
            return (item,)
        return None

    # asyncio.run cancels what is left and closes the generator. A daemon: an iteration that is left hanging about
    # must not keep the process alive.
    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="accountview-stream", daemon=True)
    thread.start()
    loop, ended = started.result()
    try:
        while (found := asyncio.run_coroutine_threadsafe(step(), loop).result()) is not None:
            yield found[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
