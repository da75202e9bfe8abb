"""The stock hub's configuration file, read by JupyterHub in stock's environment: defaults where any are.

What is not default: ports, folders, a password for everybody, and that servers have as long as the benchmark
waits. With the default half minute most of fifty would be refused on two cores.
"""

import os

c = get_config()  # type: ignore[name-defined]  # noqa: F821
folder = os.environ["HERD_FOLDER"]
c.JupyterHub.bind_url = os.environ["HERD_ADDRESS"]
c.JupyterHub.hub_port = int(os.environ["HERD_HUB_PORT"])
c.ConfigurableHTTPProxy.api_url = os.environ["HERD_PROXY_API"]
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = os.environ["HERD_PASSWORD"]
c.Authenticator.allow_all = True
c.Spawner.start_timeout = c.Spawner.http_timeout = int(float(os.environ["HERD_LIMIT"]))
c.Spawner.environment = {name: value for name, value in os.environ.items() if name.startswith("PG")}
if "HERD_NETWORK" in os.environ:
    c.JupyterHub.spawner_class = "docker"
    c.JupyterHub.hub_ip = os.environ["HERD_GATEWAY"]
    c.DockerSpawner.image = os.environ["HERD_IMAGE"]
    c.DockerSpawner.network_name = os.environ["HERD_NETWORK"]
    c.DockerSpawner.prefix = os.environ["HERD_NETWORK"]
else:
    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = os.path.join(folder, "homes", "{username}")  # noqa: PTH118
    if os.geteuid() == 0:
        c.Spawner.args = ["--allow-root"]
