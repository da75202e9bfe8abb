"""Notebook servers in containers, each closed in, with a home of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import docker
import requests
from dockerspawner import DockerSpawner
from jupyterhub.spawner import SpawnException

from divebell import database
from divebell.containers import box, image
from divebell.containers.engine import connect
from divebell.containers.network import event_key
from divebell.errors import DivebellError
from divebell.hub.spawner import homes
from divebell.hub.spawner.boxing import Place, prepare, settings
from divebell.hub.spawner.environment import Volunteer, in_a_container, variables
from divebell.hub.spawner.queue import StartQueue, starts_at_once, waiting_words

ENGINE_SECONDS = 180
"""How long the engine may take for one answer while many start at once."""
POLL_SECONDS = 0.05
_ENGINE_AWAY = (requests.exceptions.ConnectionError, requests.exceptions.Timeout)
_local = threading.local()


class VolunteerContainer(DockerSpawner):  # type: ignore[misc]
    """Starts a volunteer's container in its turn and finds it again after a restart of hub or engine."""

    place: ClassVar[Place]
    queue: ClassVar[StartQueue]
    object_id: str
    _executor = ThreadPoolExecutor(8, thread_name_prefix="engine")

    @property
    def client(self) -> docker.APIClient:
        """A connection to the engine for each thread: they may not share one."""
        if not hasattr(_local, "client"):
            _local.client = connect(ENGINE_SECONDS).api
        return _local.client

    async def start(self) -> tuple[str, int]:
        """Wait for the turn, start the container, and return once its server listens."""
        try:
            async with self.queue.turn(self.user.name):
                address = await super().start()
                await self._listens(*address)
                return address  # type: ignore[no-any-return]
        except _ENGINE_AWAY as error:
            raise self._refused("the engine that runs the containers is away", str(error)) from error
        except docker.errors.APIError as error:
            raise self._refused("the engine did not start its container", str(error)) from error
        except DivebellError as error:
            raise self._refused(error.message, str(error)) from error

    def _refused(self, reason: str, details: str) -> SpawnException:
        return SpawnException(
            f"Your notebook did not start: {reason}.", reason="start", log_message=details, status_code=500
        )

    async def create_object(self) -> dict[str, Any]:
        """Make the container: firewall, home and what else it mounts first."""
        place = self.place
        made = await asyncio.to_thread(self._prepare)
        return await self.docker(  # type: ignore[no-any-return]
            "create_container",
            name=self.container_name,
            command=[image.PYTHON, "-m", "divebell.workspace.start"],
            environment={**self.get_env(), **await self._variables(made)},
            **settings(self.client, place.event, place.state, place.where, made),
        )

    def _prepare(self) -> box.Box:
        """Do what comes before a container, in a thread: nothing here may hold up the hub."""
        helper = os.environ.get(homes.SOCKET_VARIABLE)
        if helper:
            return homes.ask(Path(helper), self.user.name)
        return prepare(self.place, self.user.name)

    async def _variables(self, made: box.Box) -> dict[str, str]:
        def provision() -> str:
            with database.connect(self.place.state, "event_hub") as connection:
                return database.provision(connection, self.user.name)

        place = self.place
        who = Volunteer(self.user.name, Path(made.home_inside), await asyncio.to_thread(provision))
        around = in_a_container(place.where, certificates=made.certificates is not None)
        return variables(place.event, place.ports, place.portal, who, around)

    async def remove_object(self) -> None:
        """Remove the container, even one that runs."""
        try:
            await self.docker("remove_container", self.object_id, v=True, force=True)
        except docker.errors.APIError as error:
            if error.status_code not in {404, 409}:  # it is gone, or going
                raise

    async def _listens(self, ip: str, port: int) -> None:
        while not await _answers(ip, port):
            if await self.poll() is not None:
                raise DivebellError(
                    f"the notebook server of {self.user.name} ended while it started",
                    next_step=f"see {await self._keep_log()}",
                )
            await asyncio.sleep(POLL_SECONDS)

    async def _keep_log(self) -> Path:
        """Write what the container said to a file beside the other logs."""
        said = await self.docker("logs", self.container_id, tail=2_000)

        def keep() -> Path:
            log: Path = self.place.state.logs / "notebooks" / f"{self.user.name}.log"
            log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            log.write_bytes(said)
            return log

        return await asyncio.to_thread(keep)

    async def poll(self) -> str | int | None:
        """Tell whether the container runs (None) or has ended. Of an engine that is away nothing is known.

        A container that no hub has recorded was left half started by one that was killed: it is removed.
        """
        try:
            if not self.object_id:
                if await self.get_object():
                    self.log.warning(
                        "removing %s, which an earlier hub left half started", self.container_name
                    )
                    await self.remove_object()
                    self.object_id = ""
                return 0
            return await super().poll()  # type: ignore[no-any-return]
        except _ENGINE_AWAY:
            self.log.warning("the container engine is away; taking %s to be as it was", self.container_name)
            return None

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Tell the place in the queue, then that the server starts."""
        told = -1
        while self.pending == "spawn":
            place = self.queue.place_of(self.user.name)
            if place != told:
                told = place
                yield {"progress": 10 if place else 50, "message": waiting_words(place)}
            await asyncio.sleep(0.2)


async def _answers(ip: str, port: int) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(ip, port), 2)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def configure(c: Any, place: Place) -> None:
    """Set the hub's spawner."""
    spawner = type(
        "VolunteerContainer",
        (VolunteerContainer,),
        {"place": place, "queue": StartQueue(starts_at_once())},
    )
    c.JupyterHub.spawner_class = spawner
    c.Spawner.env_keep = []
    c.Spawner.default_url = "/lab/tree/welcome.ipynb"
    c.Spawner.disable_user_config = True
    c.Spawner.hub_connect_url = f"http://{place.where.gateway}:{place.ports.inside}"
    c.Spawner.ip = "0.0.0.0"  # noqa: S104 - within the container
    c.Spawner.port = box.PORT
    c.Spawner.mem_limit = place.event.workspace.memory_bytes
    c.Spawner.cpu_limit = place.event.workspace.cpus
    c.Spawner.start_timeout = 600
    c.Spawner.http_timeout = 120
    c.Spawner.poll_interval = 15
    c.DockerSpawner.image = place.where.image
    c.DockerSpawner.allowed_images = []
    c.DockerSpawner.pull_policy = "never"
    c.DockerSpawner.network_name = place.where.network
    c.DockerSpawner.use_internal_ip = True
    c.DockerSpawner.remove = True
    c.DockerSpawner.prefix = f"divebell-{event_key(place.state)}"
