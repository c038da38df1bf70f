"""The command line: each command is a few lines over a job, and imports the job when it is called.

Rule: a LoadgenError becomes one line on stderr and an exit code, mostly 2. `loadgen --help` and completion import
nothing heavier than click. A verb's own help shows the defaults of `loadgen.verb_options`, and imports no job.
"""

import sys
from errno import ENAMETOOLONG

import click

from loadgen.cli.check import check
from loadgen.cli.clean import clean
from loadgen.cli.compare import compare
from loadgen.cli.console import console
from loadgen.cli.find_limit import find_limit
from loadgen.cli.fit import fit
from loadgen.cli.generate import generate
from loadgen.cli.init import init
from loadgen.cli.metrics import metrics
from loadgen.cli.monitors import monitors
from loadgen.cli.plan import plan
from loadgen.cli.policy import policy
from loadgen.cli.preview import preview
from loadgen.cli.report import report
from loadgen.cli.run import run
from loadgen.cli.sampling import sampling
from loadgen.cli.scenarios import scenarios
from loadgen.cli.seed import seed
from loadgen.cli.serve import serve
from loadgen.cli.tags import tags
from loadgen.cli.terminal import VerbGroup, echo
from loadgen.cli.verify import verify
from loadgen.cli.worker import worker
from loadgen.errors import LoadgenError, escape_line
from loadgen.output import prepare_streams

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True}
FIRST = "Example: loadgen run quickstart. Next: `loadgen init my-site` writes a scenario of your own."


@click.group(cls=VerbGroup, context_settings=SETTINGS, epilog=FIRST)
@click.version_option(package_name="rum-loadgen", prog_name="loadgen")
def commands() -> None:
    """Synthetic traffic and load tests for Amazon CloudWatch RUM."""


ALL = (
    run, worker, init, scenarios, plan, find_limit, check, preview, sampling, generate, fit, report, compare, serve,
    console, seed, verify, clean, monitors, tags, metrics, policy,
)  # fmt: skip

for command in ALL:
    commands.add_command(command)


def main() -> None:
    """Run a command, and end the process with its exit code; an error is one line on standard error."""
    prepare_streams()
    try:
        code = commands.main(prog_name="loadgen", standalone_mode=False)
    except LoadgenError as error:
        echo(*(f"loadgen: {line}" for line in error.args), err=True)
        code = error.exit_code
    except OSError as error:
        if error.errno != ENAMETOOLONG:
            raise
        name = max(str(error.filename).split("/"), key=len)
        echo(f"loadgen: {name[:40]}…: the name of a file or folder is too long; give a shorter one", err=True)
        code = 2
    except click.ClickException as error:
        if not isinstance(error, click.exceptions.NoArgsIsHelpError):
            setattr(error, "message", escape_line(error.message))  # noqa: B010  (final to mypy)
        error.show()
        code = error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    sys.exit(code)
