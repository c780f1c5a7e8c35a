"""Settings files for the tests of import and export."""

# Keys of Docker's own example, with ours among them.
DOCKERS = """\
{
  "configurationFileVersion": 2,
  "exposeDockerAPIOnTCP2375": {
    "locked": true,
    "value": false
  },
  "proxy": {
    "locked": true,
    "mode": "system",
    "exclude": [],
    "windowsDockerdPort": 65000
  },
  "enableCloud": {
    "locked": true,
    "value": true
  },
  "enhancedContainerIsolation": {
    "locked": true,
    "value": true,
    "dockerSocketMount": {
      "imageList": {"images": ["docker.io/testcontainers/ryuk:*"]}
    }
  },
  "linuxVM": {
    "dockerDaemonOptions": {"locked": false, "value": "{\\"debug\\": false}"}
  },
  "offloadIdleTimeoutSeconds": {
    "locked": false,
    "value": 300,
    "minimum": 60,
    "maximum": 900
  },
  "filesharingAllowedDirectories": [{"path": "$HOME", "sharedByDefault": true}],
  "offloadGpuEnabled": {"value": false}
}
"""


def settings_file(*members: str) -> str:
    """Return a file whose n-th member stands in line n + 2, from column 3 on."""
    lines = ['"configurationFileVersion": 2', *members]
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"
