"""The limits of the product, and the policy that an organization begins with."""

from orgs.domain.audit import Json

IDLE_TIMEOUT_MINIMUM_SECONDS = 10
IDLE_TIMEOUT_MAXIMUM_SECONDS = 3600
"""Docker's own bounds of the setting: 10 seconds to 1 hour."""

IDLE_TIMEOUT_DEFAULT_SECONDS = 300


def default_policy() -> dict[str, Json]:
    """Return the settings of a new organization: nothing is forced, every product bound holds."""
    return {
        "offload_enabled": {"state": "user_defined"},
        "idle_timeout_seconds": {
            "minimum": IDLE_TIMEOUT_MINIMUM_SECONDS,
            "maximum": IDLE_TIMEOUT_MAXIMUM_SECONDS,
            "default": IDLE_TIMEOUT_DEFAULT_SECONDS,
            "locked": False,
        },
        "gpu_enabled": {"state": "user_defined"},
    }
