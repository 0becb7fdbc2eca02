"""The command line: `bookcover run`, `serve`, `review`, `judge`, `report` and the others that `bookcover --help` lists.

Each command is thin: flows and core do the work. Exit codes: 0 done, 1 failed, 2 wrong input, 130 interrupted.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Literal

import typer

from bookcover_core.errors import BookcoverError, SettingsError
from bookcover_core.pipeline.study import in_our_words
from bookcover_core.settings import StudySettings
from bookcover_core.settings.dissertation import PRESETS
from bookcover_core.settings.short_form import settings_of_folder
from bookcover_core.settings.toml_file import load_settings, named_study, to_toml
from bookcover_core.version import __version__
from deployments.interruption import INTERRUPTED, raise_as_usual
from deployments.plain_text import PlainRecord

app = typer.Typer(
    name="bookcover",
    help="Can a convolutional network judge a book by its cover? The whole study, from listings to a report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _named(given: Path | None) -> Path | None:
    return named_study(given)


_STUDY = "A study: its name in this home, its folder, or a TOML file of settings"

SettingsFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="[STUDY]", help=f"{_STUDY}; without one, the dissertation's.", callback=_named, show_default=False
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="GROUP.NAME=VALUE", help="One setting; can be given more than once."),
]
WithBrowser = Annotated[
    bool, typer.Option("--open/--no-open", help="Open the page in a browser, on a machine that has a screen.")
]
Stay = Annotated[bool, typer.Option("--stay", help="Keep the dashboard up afterwards, until Ctrl-C.")]


def _tell_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"bookcover {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version, and end.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Options of the program itself, and what all commands need but the one that needs no study."""
    from deployments.home import home, stand_in_for_home_folder  # noqa: PLC0415 - beside the others

    if context.invoked_subcommand != "settings":
        home()  # what BOOKCOVER_HOME names is there
        stand_in_for_home_folder()


@app.command()
def demo(
    folder: Annotated[
        Path | None, typer.Option(help="Folder for the demo study; else where all studies lie.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the invented publisher.")] = 2020,
    stay: Stay = False,
) -> None:
    """Run a small study on an invented publisher's books, in a few minutes."""
    from deployments.demo_command import run_demo  # noqa: PLC0415 - imports Prefect

    with _interruptible():
        run_demo(folder or StudySettings().root.parent, seed=seed, stay=stay)


@app.command()
def run(
    settings_file: SettingsFile = None,
    overrides: Overrides = None,
    only: Annotated[
        str | None,
        typer.Option(
            help="Run one step alone: download, curate, train, report; a wrong one is answered with all of them.",
            show_default=False,
        ),
    ] = None,
    chunk: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            help="With --only download: the number of a chunk; can be given more than once. Without it, all chunks.",
            show_default=False,
        ),
    ] = None,
    next_chunk: Annotated[
        bool, typer.Option("--next", help="With --only download: the next chunk that is not finished.")
    ] = False,
    stay: Stay = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would run, why, and how long it took last; run nothing.")
    ] = False,
    folder: Annotated[
        str | None,
        typer.Option(
            help="In place of a settings file: a folder of pictures with a subfolder for each genre.",
            show_default=False,
        ),
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option(
            metavar="GROUP.NAME=VALUES",
            help="Run a study for each of several values, head.dropout=0,0.3,0.5, say, and compare them.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run a study, or take it up where it stopped."""
    if (chunk or next_chunk) and only != "download":
        raise SettingsError(
            "chunks are chosen for the download alone",
            where="--next" if next_chunk else "--chunk",
            advice="Add `--only download`; which chunks a whole study takes is the setting books.chunks.",
        )
    if sweep is not None:
        if only or folder or dry_run or stay:
            raise SettingsError(
                "a sweep runs whole studies of a settings file, and ends",
                where="--sweep",
                advice="Leave out --only, --folder, --dry-run and --stay.",
            )
        from deployments.sweep_command import run_sweep  # noqa: PLC0415 - imports Prefect

        with _interruptible():
            run_sweep(settings_file, overrides or (), sweep)
        return
    if folder is not None and settings_file:
        raise SettingsError("a settings file names its own books", where="--folder", advice="Give one of the two.")
    if chunk and next_chunk:
        raise SettingsError("--next names the chunk itself", where="--chunk", advice="Give one of the two.")
    if folder is not None:
        from deployments.terminal import say  # noqa: PLC0415 - imports Rich

        settings = settings_of_folder(folder, overrides or ())
        networks = ", ".join(settings.training.backbones)
        say(
            f"A study named {settings.name} of the pictures in {folder}: {networks}, possible box sets are "
            f"{'kept' if settings.curation.undecided == 'keep' else 'asked about'}, all else as in the dissertation. "
            f"`bookcover settings {settings.root}` prints it once it has begun; --set changes it."
        )
    else:
        settings = load_settings(settings_file, overrides or ())
    if dry_run and only:
        raise SettingsError(
            "--dry-run shows the whole study", where="--only", advice="Leave it out, or leave out --dry-run."
        )
    if dry_run:
        from deployments.terminal import print_prospects  # noqa: PLC0415 - imports Rich's tables

        print_prospects(settings)
        return
    from deployments.demo_covers import covers_of_demos  # noqa: PLC0415 - imports Rich
    from deployments.run_command import run_study  # noqa: PLC0415 - imports Prefect

    with _interruptible(), covers_of_demos([settings]):
        run_study(settings, only=only, chunks="next" if next_chunk else chunk or "all", stay=stay)


@app.command()
def serve(
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65_535,
            help="Where the dashboard listens on this machine; else 4200 or, if taken, any free port.",
        ),
    ] = None,
    pages_port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Where the pages are; else 4280 or, if taken, any free port.")
    ] = None,
    studies: Annotated[
        int | None,
        typer.Option(
            min=1, help="Studies at work at once; else as many as cores and memory allow.", show_default=False
        ),
    ] = None,
    with_browser: WithBrowser = True,
) -> None:
    """Serve the dashboard, all deployments and the pages of all studies, until Ctrl-C."""
    from deployments.serve_command import serve as serve_all  # noqa: PLC0415 - imports httpx

    with _interruptible():
        serve_all(port=port, pages_port=pages_port, studies=studies, with_browser=with_browser)


@app.command()
def setup(
    downloads: Annotated[
        int | None,
        typer.Option(
            min=1, help="Chunks downloaded at once, by all workers; else as it is, and 1 at first.", show_default=False
        ),
    ] = None,
    trainings: Annotated[
        int | None,
        typer.Option(
            min=1, help="Networks trained at once on one machine; else as it is, and 1 at first.", show_default=False
        ),
    ] = None,
    machine: Annotated[
        str | None,
        typer.Option(help="Which machine: its host name, or its BOOKCOVER_MACHINE; else this one.", show_default=False),
    ] = None,
) -> None:
    """Set up the configured Prefect server for workers: pool, deployments, limits, automations. Can be run again."""
    from deployments.server import running_server  # noqa: PLC0415 - imports httpx
    from deployments.terminal import say  # noqa: PLC0415 - imports Rich

    with _interruptible(), running_server() as address:
        from deployments.setup_command import set_up  # noqa: PLC0415 - imports Prefect

        say(f"Setting up {address} ...")
        for line in set_up(downloads=downloads, trainings=trainings, of=machine):
            say(line)
        say("Start a worker, on any machine: prefect worker start --pool bookcover")


@app.command()
def notify(
    address: Annotated[
        str | None,
        typer.Argument(
            help="A webhook (https://...), or an address of Apprise's: mailto://, ntfy://. Without one, it is shown.",
            show_default=False,
        ),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Tell nobody any more.")] = False,
) -> None:
    """Tell somebody when a study fails, waits for decisions, or is finished."""
    if address and off:
        raise SettingsError("--off takes no address", where="--off", advice="Give one of the two.")
    from deployments.server import dashboard  # noqa: PLC0415 - imports httpx
    from deployments.terminal import say  # noqa: PLC0415 - imports Rich

    with _interruptible(), dashboard():
        from deployments import notifications  # noqa: PLC0415 - imports Prefect

        if off:
            say("Nobody is told any more." if notifications.switch_off() else "Nobody was told before, either.")
            return
        if address:
            notifications.switch_on(address)
        say(notifications.describe())


@app.command()
def review(
    settings_file: SettingsFile = None,
    overrides: Overrides = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="Where to listen on this machine; else 4280 or, if taken, any free port."),
    ] = None,
    with_browser: WithBrowser = True,
) -> None:
    """Look at the box-set candidates of a study, and decide which to keep."""
    settings = load_settings(settings_file, overrides or ())
    from deployments.review_command import review_study, run_command  # noqa: PLC0415 - imports pandas

    with _interruptible(""):
        review_study(settings, port=port, with_browser=with_browser, then=run_command(settings_file, overrides or ()))


@app.command()
def judge(
    covers: Annotated[
        list[str] | None,
        typer.Argument(
            help="Pictures, folders of pictures, addresses of pictures, or - for the standard input.",
            metavar="COVER...",
            show_default=False,
        ),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(
            help=f"The study whose networks judge. {_STUDY}; without one, the dissertation's.",
            callback=_named,
            show_default=False,
        ),
    ] = None,
    overrides: Overrides = None,
    model: Annotated[
        str,
        typer.Option(
            help="Which of its models: MobileNetV2, say; else the best by validation, with --title one that reads it.",
            show_default=False,
        ),
    ] = "",
    top: Annotated[int, typer.Option(min=1, help="Most probable genres to name.")] = 5,
    near: Annotated[int, typer.Option(min=0, help="Covers of the study, most like it, to name.")] = 3,
    title: Annotated[
        str,
        typer.Option(
            help="Title of the book, of one cover, for models that read it: CoverAndTitle, say.", show_default=False
        ),
    ] = "",
    author: Annotated[str, typer.Option(help="Its author, if known.", show_default=False)] = "",
    explain: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write a picture of each cover to this folder, dark where nothing spoke for the genre (Grad-CAM).",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each cover.")] = False,
    page: Annotated[bool, typer.Option("--page", help="Serve a page to drop covers on, until Ctrl-C.")] = False,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="With --page: where to listen; else 4281 or, if taken, any free port."),
    ] = None,
    share: Annotated[
        str,
        typer.Option(
            metavar="HOST[:PORT]",
            help="With --page: serve other machines too, which name this one so, behind BOOKCOVER_PASSWORD.",
            show_default=False,
        ),
    ] = "",
    with_browser: WithBrowser = True,
) -> None:
    """Ask a trained network for the genre of any cover."""
    if share and not page:
        raise SettingsError("the page alone can be shared", where="--share", advice="Add --page.")
    if page == bool(covers):
        raise SettingsError(
            "covers are given to the page itself" if page else "there is no cover to judge",
            where="--page" if page else "COVER...",
            advice="Name pictures, folders or addresses; or leave them out and add --page.",
        )
    settings = load_settings(study, overrides or ())
    from bookcover_core.listings.books import BookText  # noqa: PLC0415 - imports pandas
    from deployments.judge_command import judge_covers, judge_page  # noqa: PLC0415 - imports pandas
    from deployments.review_command import run_command  # noqa: PLC0415 - imports pandas

    then = run_command(study, overrides or ())
    with _interruptible(""):
        if page:
            judge_page(settings, model=model, port=port, share=share, with_browser=with_browser, then=then)
        elif judge_covers(
            settings,
            covers or [],
            model=model,
            top=top,
            near=near,
            explain=explain,
            as_json=as_json,
            text=BookText(title, author),
            then=then,
        ):
            raise typer.Exit(1)


@app.command()
def report(settings_file: SettingsFile = None, overrides: Overrides = None) -> None:
    """Write the report of a study."""
    from deployments.report_command import report_study  # noqa: PLC0415 - imports pandas

    with _interruptible():
        report_study(settings_file, overrides or ())


@app.command()
def compare(
    studies: Annotated[
        list[Path], typer.Argument(help=f"Two studies or more. {_STUDY}.", metavar="STUDY...", show_default=False)
    ],
    overrides: Overrides = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where the page goes; else beside the first, under their names.", show_default=False
        ),
    ] = None,
) -> None:
    """Put studies side by side: all their systems in one table, each beside the first study's."""
    from deployments.report_command import compare as compare_all  # noqa: PLC0415 - imports pandas

    with _interruptible():
        compare_all([_named(each) or each for each in studies], overrides or (), output)


@app.command()
def check(settings_file: SettingsFile = None, overrides: Overrides = None) -> None:
    """Look for all that a study will need, and list what is missing, without any of its work."""
    settings = load_settings(settings_file, overrides or ())
    from bookcover_core.preflight import bytes_needed, describe_books, seconds_to_fetch  # noqa: PLC0415 - imports httpx
    from bookcover_core.report.formats import duration  # noqa: PLC0415 - as above
    from deployments.terminal import say  # noqa: PLC0415 - imports Rich
    from tasks.preflight import check_all  # noqa: PLC0415 - imports httpx

    with _interruptible():
        check_all(settings)
        for line in describe_books(settings):
            say(line)
    say(f"{settings.name} has all that it needs, and takes about {bytes_needed(settings) / 1e9:,.1f} GB on the disk.")
    if seconds := seconds_to_fetch(settings):
        say(f"Its covers take about {duration(seconds)} to fetch, if one host has them all.")


@app.command()
def status(
    settings_file: SettingsFile = None,
    overrides: Overrides = None,
    why: Annotated[
        bool, typer.Option("--why", help="Say of each part that is not sound why it would run again.")
    ] = False,
) -> None:
    """Show which stages of a study are done and what they counted; without a study, which there are."""
    from deployments.terminal import print_prospects, print_status, print_studies  # noqa: PLC0415 - imports Rich

    if settings_file is None and not overrides:
        print_studies(StudySettings().root.parent)
        return
    settings = load_settings(settings_file, overrides or ())
    print_status(settings)
    if why:
        print_prospects(settings)


@app.command()
def store(
    prune: Annotated[bool, typer.Option("--prune", help="Remove what no study holds.")] = False,
    days: Annotated[
        float, typer.Option(min=0, help="With --prune: only what was not used for so many days.", show_default=False)
    ] = 0.0,
    most: Annotated[
        float | None,
        typer.Option(min=0, help="With --prune: only until so many gigabytes of it are left.", show_default=False),
    ] = None,
) -> None:
    """Show what this home keeps so that nothing is made twice: of which stages, for which studies, how large."""
    if not prune and (days or most is not None):
        raise SettingsError("they choose what is removed", where="--days, --most", advice="Add `--prune`.")
    from deployments.store_command import prune_store, show_store  # noqa: PLC0415 - imports Rich

    with _interruptible(""):
        if prune:
            prune_store(days, most)
        else:
            show_store()


StudyName = Annotated[Path, typer.Argument(metavar="STUDY", help=f"{_STUDY}.", callback=_named)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command()
def verify(study: StudyName) -> None:
    """Read every file of a study, and name those that are missing or altered; the next run makes them anew."""
    from deployments.store_command import find_study, verify_study  # noqa: PLC0415 - imports Rich

    with _interruptible(""):
        if verify_study(find_study(study)):
            raise typer.Exit(1)


@app.command()
def shrink(study: StudyName, yes: Yes = False) -> None:
    """Free what can be made again of a study: prepared pictures and features."""
    from deployments.store_command import find_study, shrink_study  # noqa: PLC0415 - imports Rich

    with _interruptible(""):
        shrink_study(find_study(study), yes=yes)


@app.command()
def delete(study: StudyName, yes: Yes = False) -> None:
    """Delete a study, with its covers, models and report."""
    from deployments.store_command import delete_study, find_study  # noqa: PLC0415 - imports Rich

    with _interruptible(""):
        delete_study(find_study(study), yes=yes)


@app.command()
def export(
    study: StudyName,
    folder: Annotated[Path, typer.Argument(help="Where the files go; those of the same names are replaced.")],
    model: Annotated[
        str, typer.Option(help="Which trained model; without it, the one that judges.", show_default=False)
    ] = "",
    tables: Annotated[
        bool, typer.Option("--tables", help="The study's predictions and features too, as Parquet.")
    ] = False,
) -> None:
    """Write a trained model for other programs: Keras and ONNX, labels, how covers are prepared, and its cards."""
    from deployments.store_command import find_study  # noqa: PLC0415 - imports Rich
    from deployments.terminal import say  # noqa: PLC0415 - as above

    found = find_study(study)
    from bookcover_core.export import export_model, export_tables  # noqa: PLC0415 - imports TensorFlow

    with _interruptible(""):
        for file in [*export_model(found, folder, model), *(export_tables(found, folder) if tables else ())]:
            say(str(file))


@app.command()
def settings(
    settings_file: SettingsFile = None,
    overrides: Overrides = None,
    preset: Annotated[
        Literal["dissertation"] | None,
        typer.Option(help="Lay these settings over it: the dissertation's own way, to the letter."),
    ] = None,
) -> None:
    """Print every setting with its meaning, as a TOML file to start from."""
    laid = PRESETS[preset] if preset else ()
    sys.stdout.write(to_toml(load_settings(settings_file, [*laid, *(overrides or ())])))


def main() -> None:
    """Run the command line; errors become one message and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no Japanese is shown something
    logging.setLogRecordFactory(PlainRecord)
    try:
        app()
    except BookcoverError as error:
        _fail(error)
    except OSError as error:
        ours = in_our_words(error)
        if ours is None:
            raise
        _fail(ours)


@contextmanager
def _interruptible(then: str = " What is done is kept: the same command goes on from there.") -> Iterator[None]:
    """Let Ctrl-C end a command that is at work, once it has tidied up, with a word to the person."""
    try:
        raise_as_usual()
        yield
    except KeyboardInterrupt:
        sys.stderr.write(f"{INTERRUPTED}{then}\n")
        sys.exit(130)


def _fail(error: BookcoverError) -> None:
    sys.stderr.write(f"bookcover: {error}\n")
    sys.exit(error.exit_code)
