"""Kernels that nbval starts live as those of `make report` do: their own folder, sockets, and short warnings."""

from cohortbook.run import private_kernel


def pytest_configure(config):
    from jupyter_client import KernelManager

    place = private_kernel()
    place.__enter__()
    config.add_cleanup(lambda: place.__exit__(None, None, None))
    KernelManager.transport.default_value = "ipc"  # parallel workers would race for TCP ports
