"""How the tests run: hypothesis by profile, and kernels that nbval starts as those of `make report`."""

import functools
import gc
import os
import tempfile

from hypothesis import HealthCheck, settings

from cohortbook.run import private_kernel

#: No test may depend on the load of the machine, so nothing has a deadline, and the same examples are drawn in every run.
CHECKS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
ANYWHERE = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": CHECKS}
settings.register_profile("push", max_examples=12, **ANYWHERE)
settings.register_profile("thorough", max_examples=60, **ANYWHERE)
settings.load_profile("push")


def pytest_addoption(parser):
    parser.addoption("--thorough", action="store_true", help="draw five times as many examples")


def pytest_collection_finish():
    # What was collected stays: the collector need not look at it again, as statsmodels asks it to at every Holm adjustment.
    gc.collect()
    gc.freeze()


def pytest_configure(config):
    if config.getoption("--thorough"):
        settings.load_profile("thorough")
        os.environ.setdefault("COHORTBOOK_EXAMPLES", "40")

    if seed := os.environ.get("COHORTBOOK_TEST_NOISE"):
        from rounding_noise import disturb

        disturb(int(seed))
    # Notebooks that need the same cohorts draw them once; workers inherit the folder.
    if "COHORTBOOK_CACHE" not in os.environ:
        kept = tempfile.TemporaryDirectory(prefix="cohortbook-tests-")
        os.environ["COHORTBOOK_CACHE"] = kept.name
        config.add_cleanup(kept.cleanup)

    from jupyter_client import KernelManager
    from nbval import kernel

    place = private_kernel()
    folder = place.__enter__()
    config.add_cleanup(lambda: place.__exit__(None, None, None))
    # Parallel workers would race for TCP ports.
    kernel.KernelManager = functools.partial(KernelManager, transport="ipc", ip=str(folder / "k"))
