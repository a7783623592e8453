"""The queue: every run is claimed by one worker, those of dead workers again, and a spec is queued once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa
from command_kit import forkserver
from store_helpers import begin, spec, take_over, train_one

from analogcli.errors import RunTaken
from analogcli.store import LEASE_S, Queue, Store, Wanted, claims, processes
from analogcli.store.queue import MAX_DEATHS
from analogcli.store.schema import Run

RUNS = 40
WORKERS = 6


def wanted(*seeds: int) -> list[Wanted]:
    """Runs with these seeds."""
    return [Wanted(spec(seed=seed), f"analog run digits-fcn --seed {seed}") for seed in seeds]


def change(store: Store, run_id: str, **columns: object) -> None:
    """Write into the row of a run what another process, or time, would have written."""
    with store.sessions() as session, session.begin():
        session.execute(sa.update(Run).filter_by(id=run_id).values(**columns))


def database_time(store: Store) -> float:
    with store.sessions() as session:
        return claims.database_time(session)


def stands(store: Store, sweep: str | None = None) -> dict[str, str]:
    """Status of every run of a sweep, by seed as it stands in its command."""
    return {one.command.rpartition(" ")[2]: one.status for one in Queue(store).waiting(sweep)}


def claim_all(start: Barrier, file: str, seed: int) -> list[str]:
    """Claim and finish until nothing is left, dawdling at random moments."""
    start.wait(60)
    opened, moments, claimed = Store.open(file), random.Random(seed), []
    while run := Queue(opened).claim():
        claimed.append(run.id)
        time.sleep(moments.uniform(0, 0.01))
        opened.end(run.id, "finished")
    return claimed


def test_many_workers_claim_from_one_store_and_each_run_is_claimed_once(address: str) -> None:
    Queue(Store.open(address)).add("many", wanted(*range(RUNS)))
    context = forkserver()
    with context.Manager() as manager, ProcessPoolExecutor(WORKERS, context) as pool:
        start = manager.Barrier(WORKERS)
        jobs = [pool.submit(claim_all, start, address, seed) for seed in range(WORKERS)]
        claimed = [job.result(120) for job in jobs]
    times = Counter(run_id for ids in claimed for run_id in ids)
    assert set(times.values()) == {1}
    assert set(times) == {run.id for run in Store.open(address).runs(status="finished")} and len(times) == RUNS
    assert sum(bool(ids) for ids in claimed) > 1, "one worker did it all, which shows nothing"


def add_twice(start: Barrier, file: str) -> None:
    """Queue the same runs at the same moment as others do."""
    opened = Store.open(file)
    start.wait(60)
    Queue(opened).add(f"sweep of {os.getpid()}", wanted(*range(RUNS)))


def test_sweeps_that_want_the_same_at_the_same_moment_queue_it_once(address: str) -> None:
    context = forkserver()
    with context.Manager() as manager, ProcessPoolExecutor(WORKERS, context) as pool:
        start = manager.Barrier(WORKERS)
        for job in [pool.submit(add_twice, start, address) for _ in range(WORKERS)]:
            job.result(120)
    assert Counter(run.spec_hash for run in Store.open(address).runs()) == {spec(seed=s).hash: 1 for s in range(RUNS)}
    assert Store.open(address).counts()["sweep_runs"] == WORKERS * RUNS


def test_runs_are_claimed_in_the_order_of_the_plan_and_only_those_of_the_sweep(store: Store) -> None:
    line = Queue(store)
    assert line.claim() is None
    line.add("first", wanted(3, 1))
    line.add("second", wanted(2, 1))
    assert [run.spec.seed for run in [line.claim("second"), line.claim()] if run] == [2, 3]
    assert stands(store) == {"3": "running", "1": "queued", "2": "running"}
    assert stands(store, "second") == {"2": "running", "1": "queued"}
    run = line.claim("second")
    assert run is not None and run.spec.seed == 1, "what two sweeps want is trained for both"
    assert line.claim() is None
    assert run.owner == processes.this_process()


def test_what_is_finished_or_under_way_is_not_queued_and_what_broke_is_queued_again(store: Store) -> None:
    ids = [begin(store, seed=seed) for seed in range(5)]
    for run_id, status in zip(ids, ("finished", "failed", "interrupted", "cancelled"), strict=False):
        store.end(run_id, status, "why" if status == "failed" else None)
    left = Queue(store).add("all", wanted(*range(6)))
    assert [one.spec.seed for one in left] == [1, 2, 3, 4, 5]
    assert stands(store) == {
        "0": "finished", "1": "queued", "2": "queued", "3": "queued", "4": "running", "5": "queued"
    }  # fmt: skip
    assert [run.id for run in store.runs()][:5] == ids and len(store.runs()) == 6
    assert store.runs(status="queued")[0].error is None


def test_of_a_spec_that_is_stored_several_times_the_finished_or_furthest_run_is_the_one(store: Store) -> None:
    one, two = store.run(begin(store)), store.run(begin(store))
    train_one(store, one.id, one.models[0], 1)
    for run in (one, two):
        store.end(run.id, "interrupted")
    Queue(store).add("s", wanted(0))
    claimed = Queue(store).claim()
    assert claimed is not None and claimed.id == one.id
    store.end(two.id, "finished")
    assert Queue(store).add("s", wanted(0)) == []


def test_a_killed_worker_loses_its_run_at_once_where_it_can_be_looked_for(store: Store) -> None:
    Queue(store).add("s", wanted(0, 1))
    code = f"from analogcli.store import *; Queue(Store.open({store.location.address!r})).claim(); print(1); input()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None and other.stdout.readline()
    assert stands(store) == {"0": "running", "1": "queued"}
    other.send_signal(signal.SIGSTOP)  # Slow is not dead.
    change(store, Queue(store).waiting()[0].run_id, lease_until=0.0)
    second = Queue(store).claim()
    assert second is not None and second.spec.seed == 1
    assert Queue(store).claim() is None
    other.kill()
    other.wait()
    first = Queue(store).claim()
    assert first is not None and first.spec.seed == 0


def test_a_worker_elsewhere_loses_its_run_when_its_lease_has_run_out_by_the_database_s_clock(store: Store) -> None:
    line = Queue(store)
    line.add("s", wanted(0))
    run = line.claim()
    assert run is not None
    change(store, run.id, place="another machine", lease_until=database_time(store) + 30)
    assert line.claim() is None
    assert stands(store) == {"0": "running"}
    change(store, run.id, lease_until=database_time(store) - 0.01)
    assert stands(store) == {"0": "interrupted"}
    assert line.waiting()[0].is_claimable
    again = line.claim()
    assert again is not None and again.id == run.id
    assert again.owner == processes.this_process()


def test_a_lease_is_renewed_by_the_database_s_clock_and_only_by_the_worker_that_has_it(store: Store) -> None:
    line = Queue(store)
    line.add("s", wanted(0))
    run = line.claim()
    assert run is not None
    change(store, run.id, lease_until=database_time(store) + 1)
    assert line.renew(run.id) is None
    (entry,) = line.waiting()
    assert entry.lease_s is not None and LEASE_S - 5 < entry.lease_s <= LEASE_S
    change(store, run.id, pid=1, place="another machine", lease_until=0.0)
    line.renew(run.id)
    assert not store.runs()[0].owner.holds(0.0, database_time(store))
    assert stands(store) == {"0": "interrupted"}


def test_a_run_over_which_workers_die_without_getting_further_fails_with_a_sentence(store: Store) -> None:
    line = Queue(store)
    line.add("s", wanted(0, 1))
    for _ in range(MAX_DEATHS):
        run = line.claim()
        assert run is not None and run.spec.seed == 0
        change(store, run.id, pid=2**30, worker="job 17")
    other = line.claim()
    assert other is not None and other.spec.seed == 1, "the queue goes on"
    failed = store.run(run.id)
    assert failed.status == "failed" and failed.error is not None
    assert failed.error.startswith(f"{MAX_DEATHS} workers died over it without getting any further")
    assert f"`analog resume {failed.short_id}` tries again" in failed.error
    # Asked for again, it gets all its chances back.
    assert [one.spec.seed for one in line.add("s", wanted(0))] == [0]
    again = line.claim()
    assert again is not None and again.id == run.id


def test_workers_may_die_any_number_of_times_over_a_run_that_gets_further(store: Store) -> None:
    line = Queue(store)
    line.add("s", wanted(0))
    for number in range(2 * MAX_DEATHS):
        run = line.claim()
        assert run is not None
        train_one(store, run.id, run.models[0], number)
        change(store, run.id, pid=2**30)
    assert len(store.runs()[0].models[0].epochs) == 2 * MAX_DEATHS


def test_a_run_is_released_for_others_by_the_worker_that_has_it(store: Store) -> None:
    line = Queue(store)
    line.add("s", wanted(0))
    run = line.claim()
    assert run is not None
    take_over(store, run.id)
    train_one(store, run.id, run.models[0], 1)
    store.end(run.id, "interrupted")
    line.release(run.id)
    assert stands(store) == {"0": "queued"}
    with pytest.raises(RunTaken, match="is queued by now"):
        train_one(store, run.id, run.models[0], 2)
    assert store.run(run.id).epochs_done == 1


def test_cancelling_ends_what_waits_at_once_and_asks_those_that_train(store: Store) -> None:
    line = Queue(store)
    line.add("s", wanted(0, 1, 2, 3))
    held, dead = line.claim(), line.claim()
    assert held is not None and dead is not None
    change(store, dead.id, pid=2**30)
    ids = [one.run_id for one in line.waiting()]
    assert line.cancel(ids) == {
        ids[0]: "cancelling", ids[1]: "cancelled", ids[2]: "cancelled", ids[3]: "cancelled"
    }  # fmt: skip
    assert (line.wish(held.id), line.renew(held.id)) == ("cancel", "cancel")
    assert line.claim() is None
    take_over(store, held.id)
    assert line.wish(held.id) == "cancel", "a run that is only being prepared is cancelled too"
    store.end(held.id, "interrupted")
    assert set(stands(store).values()) == {"cancelled"}
    assert line.cancel(ids) == {}


def test_a_worker_that_dies_while_it_is_asked_to_cancel_leaves_a_cancelled_run(store: Store) -> None:
    line = Queue(store)
    line.add("s", wanted(0))
    run = line.claim()
    assert run is not None
    line.cancel([run.id])
    change(store, run.id, pid=2**30)
    assert store.run(run.id).status == "cancelled"
    assert line.claim() is None
    assert store.run(run.id).status == "cancelled"


def test_a_sweep_is_named_by_its_beginning(store: Store) -> None:
    line = Queue(store)
    line.add("fig4-aaaaaa", wanted(0))
    line.add("fig4-bbbbbb", wanted(1))
    assert line.sweep("fig4") == "fig4-bbbbbb", "the newest"
    assert line.sweep("fig4-aaaaaa") == "fig4-aaaaaa"
    assert line.sweep("fig") is None


def test_the_last_run_is_the_last_that_was_begun_not_one_that_waits(store: Store) -> None:
    run_id = begin(store)
    Queue(store).add("s", wanted(1, 2))
    assert store.run("last").id == run_id


def test_a_queue_that_is_worked_off_leaves_nothing_to_claim(store: Store) -> None:
    line = Queue(store)
    line.add("s", wanted(0, 1))
    while run := line.claim("s"):
        store.end(run.id, "finished")
    assert all(one.is_over and not one.is_claimable for one in line.waiting("s"))
    store.delete(line.waiting()[0].run_id)
    assert len(line.waiting()) == 1
