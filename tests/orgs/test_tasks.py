from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.conf import settings

from orgs import tasks
from orgs.models import DeviceSignIn
from tests.factories.devices import start
from tests.factories.orgs import NOW

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


def test_beat_knows_the_task_by_its_name():
    names = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert tasks.remove_expired_sign_ins.name in names
