"""The command seedbed-analysis: one subcommand an analysis; each prints a table and writes CSV, JSON, PNG and SVG."""

import argparse
import json
import os
import sys

from . import output, pack, report, reproduce
from .analyses import ANALYSES, question
from .results import open_results
from .storage import ResultsError

OTHERS = (report, reproduce, pack)  # commands with options of their own


def common_options(parser):
    parser.add_argument("file", help="a results file; also while the sweep still writes it")
    parser.add_argument("-o", "--output", metavar="DIR", help="where files go (beside FILE: FILE without its ending, -NAME)")
    parser.add_argument("--where", metavar="QUERY", help="these trials only, such as \"loss == 'rll' and rate == 0.4\"")
    parser.add_argument("--group", action="append", metavar="AXIS", help="together are trials equal in this axis; may be "
                        "repeated, `none` for one group (all axes but the seeds)")
    parser.add_argument("--no-figures", action="store_true", help="write tables only; needs no matplotlib")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="seedbed-analysis", description=__doc__)
    commands = parser.add_subparsers(metavar="ANALYSIS", required=True)
    for module in ANALYSES:
        name = module.NAME
        one = commands.add_parser(name, help=question(module), description=module.__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        common_options(one)
        module.add_options(one)
        one.set_defaults(command=analyse, module=module, name=name)
    for module in OTHERS:
        one = commands.add_parser(module.NAME, help=question(module), description=module.__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_options(one)
        one.set_defaults(command=module.command, name=module.NAME)
    return parser.parse_args(arguments)


def analyse(arguments):
    """One analysis, printed and written; ResultsError for what cannot be done."""
    with open_results(arguments.file) as results:
        chosen = results.where(arguments.where) if arguments.where else results
        findings = arguments.module.run(chosen, arguments)
        directory = arguments.output or f"{os.path.splitext(arguments.file)[0]}-{arguments.name}"
        paths = output.write(arguments.name, chosen, findings, directory, not arguments.no_figures)
        if arguments.json:
            print(json.dumps(output.document(arguments.name, chosen, findings), indent=1))
        else:
            print("\n".join(output.printed(findings)))
        for line in findings.notes:
            print(f"note: {line}", file=sys.stderr)
        print(f"wrote {', '.join(paths)}", file=sys.stderr)


def main(arguments=None):
    parsed = parse_arguments(arguments)
    try:
        return parsed.command(parsed) or 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `seedbed-analysis ... | head` is no error
    except (ResultsError, OSError, MemoryError) as error:
        print(f"seedbed-analysis {parsed.name}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
