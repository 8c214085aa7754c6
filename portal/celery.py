"""The Celery application: where messages go and what runs by the clock.

A message is a poke that carries a row id, nothing else; what is due stands in the database.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

import logging.config

from celery import Celery, signals
from django.conf import settings
from kombu.entity import Queue


def _transport_options() -> dict[str, Any]:
    if not settings.BROKER_URL.startswith("filesystem"):
        return {
            # A broker that hangs must not hold a web request for long; waiting workers poll.
            "socket_connect_timeout": 1,
            "socket_timeout": 5,
            "visibility_timeout": 600,
            "unacked_restore_throttle": 1,
            "global_keyprefix": settings.BROKER_PREFIX,
        }
    for name in ("queue", "control"):
        (settings.BROKER_FOLDER / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    queue = str(settings.BROKER_FOLDER / "queue")
    return {
        "data_folder_in": queue,
        "data_folder_out": queue,
        "control_folder": str(settings.BROKER_FOLDER / "control"),
        "polling_interval": 0.2,
    }


app = Celery("portal")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_transport_options=_transport_options(),
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=2,
    task_default_queue="pokes",
    # What the clock asks for has a queue of its own, so that a flood of submissions cannot starve it.
    task_queues=[Queue("pokes"), Queue("clock")],
    task_routes={f"portal.{name}": {"queue": "clock"} for name in ("sweep", "tidy", "refresh_timestamp")},
    task_ignore_result=True,
    task_store_eager_result=False,
    task_acks_late=True,
    task_publish_retry=False,  # a web request never waits for a broker: the sweeper finds the row
    worker_prefetch_multiplier=1,
    worker_concurrency=2,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    beat_schedule_filename=str(settings.VAR / "beat-schedule"),
    beat_schedule={
        "sweep": {"task": "portal.sweep", "schedule": settings.SWEEP_SECONDS, "options": {"expires": 60}},
        "tidy": {"task": "portal.tidy", "schedule": 3600, "options": {"expires": 3600}},
        "timestamp": {"task": "portal.refresh_timestamp", "schedule": 6 * 3600, "options": {"expires": 3600}},
        "mirrors": {"task": "portal.retry_mirrors", "schedule": 600, "options": {"expires": 600}},
    },
)
app.autodiscover_tasks(["portal"])


@signals.setup_logging.connect
def _our_logging_only(**kwargs: Any) -> None:
    """Celery's own formats print arguments and messages; ours does not."""
    logging.config.dictConfig(settings.LOGGING)
