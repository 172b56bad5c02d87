"""A token is made once for all who ask, and nobody is ever handed one that has expired."""

import asyncio
import gc
import itertools
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from accountview.errors import VenueError, VenueUnavailable
from accountview.tokens import AsyncKeeper, Keeper

DAYS = 48 * 3600.0


@dataclass(frozen=True)
class Token:
    expires_at: datetime


class Maker:
    """Makes tokens, slowly enough for all to come meanwhile, and counts."""

    def __init__(
        self, life: float = DAYS, error: Exception | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self.life, self.error, self.now = life, error, now
        self.made: list[Token] = []
        self.tries = 0
        self.go_on = threading.Event()
        self.go_on.set()

    def make(self) -> Token:
        self.tries += 1
        assert self.go_on.wait(10)
        if self.error is not None:
            raise self.error
        self.made.append(Token(datetime.fromtimestamp(self.now() + self.life, UTC)))
        return self.made[-1]

    async def make_async(self) -> Token:
        self.tries += 1
        await asyncio.sleep(0.02)
        self.tries -= 1
        return self.make()


def down() -> VenueError:
    return VenueUnavailable("nobody there", venue="bfx", operation="refreshJwt")


# 500 at once (R22) --------------------------------------------------------------------------------------------------


async def test_500_coroutines_whose_token_was_refused_make_one_new_token() -> None:
    maker = Maker()
    keeper = AsyncKeeper(maker.make_async)
    refused = await keeper.get()

    tokens = await asyncio.gather(*[keeper.get(stale=refused) for _ in range(500)])

    assert maker.tries == 2
    assert {id(token) for token in tokens} == {id(maker.made[1])}
    # Who comes late with the old one gets the new one, and makes none.
    assert await keeper.get(stale=refused) is maker.made[1]
    assert maker.tries == 2


async def test_when_it_cannot_be_made_one_try_tells_all_500() -> None:
    maker = Maker(error=down())
    keeper = AsyncKeeper(maker.make_async)

    results = await asyncio.gather(*[keeper.get() for _ in range(500)], return_exceptions=True)

    assert maker.tries == 1
    assert {(type(each), str(each)) for each in results} == {(VenueUnavailable, str(down()))}
    assert len({id(each) for each in results}) == 500  # each has a traceback of its own
    maker.error = None
    assert await keeper.get() is maker.made[0]


async def test_who_leads_may_be_cancelled_and_the_others_finish() -> None:
    maker = Maker()
    keeper = AsyncKeeper(maker.make_async)
    leader = asyncio.create_task(keeper.get())
    await asyncio.sleep(0)
    followers = [asyncio.create_task(keeper.get()) for _ in range(20)]
    await asyncio.sleep(0)

    leader.cancel()

    with pytest.raises(asyncio.CancelledError):
        await leader
    assert {id(await follower) for follower in followers} == {id(maker.made[0])}
    assert maker.tries == 1


async def test_when_all_are_cancelled_the_token_is_kept_and_no_error_is_left_unseen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for maker in (Maker(), Maker(error=down())):
        keeper = AsyncKeeper(maker.make_async)
        callers = [asyncio.create_task(keeper.get()) for _ in range(5)]
        await asyncio.sleep(0)
        assert [caller.cancel() for caller in callers] == [True] * 5
        await asyncio.gather(*callers, return_exceptions=True)
        await asyncio.sleep(0.05)
        if maker.error is None:
            assert await keeper.get() is maker.made[0]
        assert maker.tries == 1
        del keeper, callers
        gc.collect()  # an error that nobody looked at is told when its task goes
    assert caplog.text == ""


def threads(keeper: Keeper[Token], stale: Token | None, maker: Maker, count: int = 50) -> list[object]:
    """What as many threads get, all of which ask while the token is being made."""
    maker.go_on.clear()
    asking = threading.Barrier(count + 1)

    def get() -> object:
        asking.wait(10)
        try:
            return keeper.get(stale=stale)
        except VenueError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(get) for _ in range(count)]
        asking.wait(10)
        time.sleep(0.1)
        maker.go_on.set()
        return [future.result(10) for future in futures]


def test_50_threads_whose_token_was_refused_make_one_new_token() -> None:
    maker = Maker()
    keeper = Keeper(maker.make)
    refused = keeper.get()

    assert {id(token) for token in threads(keeper, refused, maker)} == {id(maker.made[1])}
    assert maker.tries == 2
    assert keeper.get(stale=refused) is maker.made[1]


def test_when_it_cannot_be_made_one_try_tells_all_50() -> None:
    maker = Maker(error=down())
    keeper = Keeper(maker.make)

    results = threads(keeper, None, maker)

    assert maker.tries == 1
    assert {(type(each), str(each)) for each in results} == {(VenueUnavailable, str(down()))}
    assert len({id(each) for each in results}) == 50
    maker.error = None
    assert keeper.get() is maker.made[0]


def test_a_thread_that_is_interrupted_leaves_it_to_another() -> None:
    maker = Maker()
    interrupted = threading.Event()

    def make() -> Token:
        if not interrupted.is_set():
            interrupted.set()
            time.sleep(0.1)
            raise KeyboardInterrupt
        return maker.make()

    keeper = Keeper(make)
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(keeper.get)
        assert interrupted.wait(10)
        assert keeper.get() is maker.made[0]
        with pytest.raises(KeyboardInterrupt):
            leader.result()
    assert maker.tries == 1


# Until when (R23) ---------------------------------------------------------------------------------------------------


class World:
    """A venue whose clock is right, and ours, which is off by `skew` seconds."""

    def __init__(self, skew: float) -> None:
        self.time = 1_700_000_000.0
        self.skew = skew

    def ours(self) -> float:
        return self.time + self.skew


@pytest.mark.parametrize("life", [1800.0, DAYS])
@pytest.mark.parametrize("skew", [-120.0, -40.0, 0.0, 120.0, None])
def test_nobody_uses_an_expired_token_and_none_is_made_before_its_time(
    life: float, skew: float | None
) -> None:
    chance = random.Random(23)  # noqa: S311 - no secret is made
    world = World(skew or 0.0)
    maker = Maker(life, now=lambda: world.time)
    keeper = Keeper(maker.make, world.ours)
    made_at: list[float] = []
    for _ in range(10_000):
        world.time += chance.expovariate(40 / life)
        if skew is None:  # our clock is set right and wrong again
            world.skew = chance.uniform(-120, 120)
        token = keeper.get()
        if len(maker.made) > len(made_at):
            made_at.append(world.time)
        world.time += chance.uniform(0, 10)  # on its way to the venue
        assert token.expires_at.timestamp() > world.time

    gaps = [later - earlier for earlier, later in itertools.pairwise(made_at)]
    assert len(gaps) > 200
    assert min(gaps) >= life - max(300 + 240, 0.1 * life + 240)


async def test_a_coroutine_gets_no_expired_token_either() -> None:
    world = World(-120)
    maker = Maker(1800, now=lambda: world.time)

    async def make() -> Token:
        return maker.make()

    keeper = AsyncKeeper(make, world.ours)
    for _ in range(2_000):
        world.time += 45
        assert (await keeper.get()).expires_at.timestamp() > world.time
    assert maker.tries == pytest.approx(2_000 * 45 / 1650, rel=0.1)


def test_a_token_that_is_near_its_end_is_made_anew_and_one_that_lives_shortly_is_still_used() -> None:
    world = World(0)
    maker = Maker(DAYS, now=lambda: world.time)
    keeper = Keeper(maker.make, world.ours)
    first = keeper.get()
    world.time += DAYS - 301
    assert keeper.get() is first
    world.time += 2
    assert keeper.get() is not first

    maker = Maker(10, now=lambda: world.time)
    keeper = Keeper(maker.make, world.ours)
    first = keeper.get()
    world.time += 8.9
    assert keeper.get() is first
    world.time += 0.2
    assert keeper.get() is not first
