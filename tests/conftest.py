"""Kernels that nbval starts live as those of `make report` do: their own folder, sockets, and short warnings."""

import functools
import os
import tempfile

from cohortbook.run import private_kernel


def pytest_configure(config):
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
