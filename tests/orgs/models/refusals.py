"""How a test sees that the database itself refuses a statement."""

import pytest
from django.db import IntegrityError, connection, transaction


def refused(statement, parameters=(), *, by):
    """Run a statement with deferred checks made at once; it must fail by that constraint."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        savepoint = transaction.savepoint()
        with pytest.raises(IntegrityError, match=by):
            cursor.execute(statement, parameters)
        transaction.savepoint_rollback(savepoint)
