"""A simulated Docker Desktop: signs in, follows its settings, plays a developer's day."""

import argparse
import signal
import sys
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from random import Random
from threading import Event

from clients.desktop_simulator.day import Play
from clients.desktop_simulator.desktop import Desktop, Habits
from clients.desktop_simulator.fleet import STACK_BYTES, Run, run
from clients.desktop_simulator.report import Report
from clients.desktop_simulator.server import Server
from clients.desktop_simulator.sign_in import (
    Device,
    Endpoints,
    Prompt,
    SignInFailed,
    discover,
    sign_in,
)

EPILOG = """
Prints one JSON object a line: settings (a new document), poll (304), refused, hint, listening,
bye, stream_refused, signed_out, check_in, active, idle, ended, and a summary at the end. Exit
code 1 when no token was to be had or every Desktop was signed out.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit code."""
    options = _parser().parse_args(arguments)
    options.device_id = options.device_id or str(uuid.uuid4())  # one device, from sign-in on
    stop = Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
    threading.stack_size(STACK_BYTES)
    report = Report(sys.stdout)
    try:
        tokens = _tokens(options, stop)
        desktops = [_desktop(options, report, token, n) for n, token in enumerate(tokens)]
    except (SignInFailed, ValueError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    how = Run(
        server_url=options.server,
        duration_seconds=options.duration,
        ramp_seconds=options.ramp,
        play=_play(options) if options.play else None,
    )
    run(desktops, how, stop)
    report.summarize()
    return int(all(desktop.is_signed_out for desktop in desktops))


def _tokens(options: argparse.Namespace, stop: Event) -> list[str]:
    if options.token:
        return [options.token] * options.desktops
    if options.tokens_file:
        text = Path(options.tokens_file).read_text(encoding="utf-8")
        tokens = [line.strip() for line in text.splitlines() if line.strip()]
        if len(tokens) < options.desktops:
            msg = f"{options.tokens_file} has {len(tokens)} tokens for {options.desktops} Desktops"
            raise ValueError(msg)
        return tokens[: options.desktops]
    if bool(options.device_endpoint) != bool(options.token_endpoint):
        raise ValueError("--device-endpoint and --token-endpoint come together")
    endpoints = (
        Endpoints(device_authorization=options.device_endpoint, token=options.token_endpoint)
        if options.device_endpoint
        else discover(options.server)
    )
    token = sign_in(
        endpoints,
        client_id=options.client_id,
        device=_device(options, 0),
        show=_show,
        wait=lambda seconds: _wait(stop, seconds),
    )
    return [token] * options.desktops


def _show(prompt: Prompt) -> None:
    where = prompt.verification_uri_complete or prompt.verification_uri
    minutes = int(prompt.expires_in_seconds / 60)
    sys.stderr.write(
        f"Open {where} and confirm the code {prompt.user_code} (within {minutes} minutes).\n"
    )
    sys.stderr.flush()


def _wait(stop: Event, seconds: float) -> None:
    if stop.wait(seconds):
        raise SignInFailed("stopped")


def _device(options: argparse.Namespace, number: int) -> Device:
    suffix = f"-{number + 1}" if options.desktops > 1 else ""
    return Device(
        device_id=options.device_id + suffix,
        name=options.device_name + suffix,
        os=options.os,
        desktop_version=options.desktop_version,
    )


def _desktop(options: argparse.Namespace, report: Report, token: str, number: int) -> Desktop:
    return Desktop(
        server=Server(options.server),
        token=token,
        device=_device(options, number),
        report=report,
        habits=Habits(
            poll_after_seconds=options.poll_after,
            spread_seconds=options.spread,
            listens=not options.no_stream,
            checks_in=options.check_ins,
        ),
        random=Random(None if options.seed is None else f"{options.seed}-{number}"),
    )


def _play(options: argparse.Namespace) -> Play:
    return Play(
        hours=options.hours,
        speed=options.speed,
        metering_token=options.metering_token,
        source=options.source,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m clients.desktop_simulator", description=__doc__, epilog=EPILOG
    )
    add = parser.add_argument
    add("--server", default="http://localhost:8000", help="address of the product [%(default)s]")
    add("--duration", type=_positive, default=float("inf"), help="seconds to go on [no end]")
    add("--desktops", type=int, default=1, help="how many run at once [%(default)s]")
    add("--ramp", type=float, default=0.0, help="seconds over which they start [%(default)s]")
    add("--seed", help="the same seed, the same behaviour")
    signing = parser.add_argument_group("signing in (without a token: the device flow, RFC 8628)")
    add = signing.add_argument
    add("--token", help="a token (ofd_…) instead of signing in; others on this machine see it")
    add("--tokens-file", help="a file with a token a line, one for each Desktop")
    add("--client-id", default="docker-desktop", help="[%(default)s]")
    add("--device-endpoint", help="instead of what the server's metadata names")
    add("--token-endpoint", help="the same, for the token")
    add("--device-id", help="[a new one]")
    add("--device-name", default="simulated", help="[%(default)s]")
    add("--os", default="linux", help="[%(default)s]")
    add("--desktop-version", default="4.50.0", help="[%(default)s]")
    following = parser.add_argument_group("following the settings")
    add = following.add_argument
    add("--no-stream", action="store_true", help="poll only")
    add("--spread", type=float, default=1.0, help="seconds by which hints wait [%(default)s]")
    add("--poll-after", type=_positive, help="seconds between polls [as the server says]")
    add("--check-ins", action="store_true", help="tell which revision is applied")
    day = parser.add_argument_group("a developer's day")
    add = day.add_argument
    add("--play", action="store_true", help="work, and report what a runner would")
    add("--hours", type=_positive, default=8.0, help="length of the day [%(default)s]")
    add("--speed", type=_at_least_one, default=1.0, help="how fast it passes [%(default)s]")
    add("--metering-token", default="", help="token (ofm_…) to send the events with [send none]")
    add("--source", default="/desktop-simulator", help="source of the events [%(default)s]")
    return parser


def _positive(text: str) -> float:
    if (number := float(text)) > 0:
        return number
    raise argparse.ArgumentTypeError("must be above 0")


def _at_least_one(text: str) -> float:
    if (number := float(text)) >= 1:
        return number
    raise argparse.ArgumentTypeError("must be 1 or more: no event lies ahead of its time")


if __name__ == "__main__":
    sys.exit(main())
