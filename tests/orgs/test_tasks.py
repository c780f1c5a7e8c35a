from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.conf import settings

from orgs import tasks
from orgs.models import AuditEvent, DeviceSignIn
from tests.factories.devices import start
from tests.factories.orgs import NOW, make_organization
from tests.factories.policy import grant, join

pytestmark = pytest.mark.django_db


def test_expired_sign_ins_are_removed_and_how_many_nobody_opened_is_logged(monkeypatch):
    said = []
    log = SimpleNamespace(info=lambda event, **more: said.append((event, more)))
    monkeypatch.setattr(tasks, "log", log)
    with time_machine.travel(NOW, tick=False) as clock:
        start()
        tasks.remove_expired_sign_ins()
        assert said == []
        clock.shift(timedelta(minutes=20))
        tasks.remove_expired_sign_ins()
    assert said == [("device_sign_ins_removed", {"sign_ins": 1, "unopened": 1})]
    assert not DeviceSignIn.objects.exists()


def test_ends_of_exceptions_are_noted_once_by_the_system(monkeypatch):
    said = []
    log = SimpleNamespace(info=lambda event, **more: said.append((event, more)))
    monkeypatch.setattr(tasks, "log", log)
    [mei] = join(make_organization("acme").organization, "mei")
    row = grant(mei, "gpu_enabled", {"state": "enabled"})
    with time_machine.travel(row.expires_at - timedelta(microseconds=1), tick=False) as clock:
        tasks.end_expired_exceptions()
        row.refresh_from_db()
        assert (row.state, said) == ("granted", [])
        clock.move_to(row.expires_at + timedelta(seconds=3))
        tasks.end_expired_exceptions()
        tasks.end_expired_exceptions()
    row.refresh_from_db()
    assert (row.state, row.ended_at) == ("expired", NOW + timedelta(days=1))
    assert said == [("exceptions_ended", {"exceptions": 1})]
    event = AuditEvent.objects.get(action="exception.expired")
    assert (event.actor_kind, event.actor_label) == ("system", "end_expired_exceptions")


def test_beat_knows_the_tasks_by_their_names():
    names = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {tasks.remove_expired_sign_ins.name, tasks.end_expired_exceptions.name} <= names
