"""A folder of pictures through a Restorer: what to do, doing it, and what came of it."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from swinir.images.files import MAX_PIXELS, UNFINISHED, WRITABLE, find_images, read, write
from swinir.images.picture import Picture
from swinir.restoration.restorer import Restorer

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to restore: where it is, where the result goes."""

    source: Path
    target: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one job.

    Attributes:
        job: the job.
        reason: why there is no result; empty where there is one.
        kept: the result was there before and was left alone.
        note: what the user should know about a result.
        seconds: reading, restoring and writing.
        pixels: of the result; 0 where nobody looked at one that was kept.
    """

    job: Job
    reason: str = ""
    kept: bool = False
    note: str = ""
    seconds: float = 0.0
    pixels: int = 0

    @property
    def restored(self) -> bool:
        """Whether this job made a result."""
        return not self.reason and not self.kept


def plan(source: Path, output: Path, suffix: str) -> list[Job]:
    """The jobs for a file or a folder, whose sub-folders the output mirrors.

    ``suffix`` is the results' (".png"); empty keeps each file's own where it can be written.
    Pictures that lie in an output folder within the source folder are results, not sources. Where
    two sources would make one result (a.jpg and a.png), both keep the old suffix in their names.

    Raises:
        ValueError: nothing there, no picture in it, or a result would replace a source.
    """
    if source.is_file():
        files, root = [source], source.parent
    elif source.is_dir():
        files, root = find_images(source), source
        inside = output.resolve()
        if inside == source.resolve():
            # The next run would take the results for pictures to restore.
            raise ValueError(
                f"{output}: results would lie among their sources; give another --output"
            )
        if source.resolve() in inside.parents:
            files = [path for path in files if inside not in path.resolve().parents]
    else:
        raise ValueError(f"{source}: a folder or an image file is needed, there is none")
    if not files:
        raise ValueError(f"{source}: no image files in this folder")
    names = _result_names([path.relative_to(root) for path in files], suffix)
    sources = {path.resolve() for path in files}
    jobs = [Job(path, output / name) for path, name in zip(files, names, strict=True)]
    for job in jobs:
        if job.target.resolve() in sources:
            raise ValueError(
                f"{job.source}: the result would replace {job.target}, which is to be restored; "
                "give another folder with --output"
            )
    return jobs


def _result_names(sources: Sequence[Path], suffix: str) -> list[Path]:
    """A name for each result; no two are one file, even on a disk that ignores case."""
    names = [_renamed(source, suffix) for source in sources]
    claims = Counter(_folded(name) for name in names)
    taken = {name for name, count in claims.items() if count == 1}
    for at, (source, name) in enumerate(zip(sources, names, strict=True)):
        if claims[_folded(name)] > 1:
            names[at] = next(it for it in _alternatives(source, name) if _folded(it) not in taken)
            taken.add(_folded(names[at]))
    return names


def _folded(name: Path) -> str:
    return str(name).casefold()


def _renamed(name: Path, suffix: str) -> Path:
    # What is read but never written, as GIF, or has no suffix becomes a PNG.
    own = name.suffix if name.suffix.lower() in WRITABLE else ".png"
    return name.with_suffix(suffix or own)


def _alternatives(source: Path, name: Path) -> Iterator[Path]:
    stem = "_".join(filter(None, (source.stem, source.suffix[1:].lower())))
    yield name.with_name(f"{stem}{name.suffix}")
    for number in count(2):
        yield name.with_name(f"{stem}_{number}{name.suffix}")


def run(
    jobs: Sequence[Job],
    restorer: Restorer,
    *,
    skip_existing: bool = False,
    quality: int = 95,
    max_pixels: int = MAX_PIXELS,
    tiles: Progress | None = None,
    inspect: Callable[[Job, Picture, Picture], None] | None = None,
) -> Iterator[Outcome]:
    """Do the jobs one by one; a bad file is told in its outcome, and the rest goes on.

    Args:
        jobs: from `plan`.
        restorer: the engine.
        skip_existing: leave results alone that are there.
        quality: of JPEG results, 1 to 100.
        max_pixels: refuse larger pictures.
        tiles: called with tiles done and in all, for the picture in hand.
        inspect: sees each picture and its result, also one that was there before.
    """

    def do(job: Job) -> Outcome:
        started = time.perf_counter()
        kept = skip_existing and job.target.is_file()
        if kept and not inspect:
            return Outcome(job, kept=True)
        picture = read(job.source, max_pixels=max_pixels)
        if kept:
            restored = read(job.target)
        else:
            # Before the work, which a folder that cannot be made would waste.
            job.target.parent.mkdir(parents=True, exist_ok=True)
            restored = restorer.restore_picture(picture, progress=tiles)
            write(job.target, restored, quality=quality)
        if inspect:
            inspect(job, picture, restored)
        height, width = restored.pixels.shape[:2]
        return Outcome(
            job,
            kept=kept,
            note=f"the first of {picture.frames} frames" if picture.frames > 1 else "",
            seconds=time.perf_counter() - started,
            pixels=height * width,
        )

    for job in jobs:
        try:
            yield do(job)
        except (ValueError, OSError, MemoryError) as error:
            yield Outcome(job, reason=one_line(error, job.source))


def one_line(error: BaseException, about: Path | None = None) -> str:
    """What went wrong, in one line, without the name of the file that it is ``about``."""
    if isinstance(error, OSError) and error.strerror:
        if not error.filename:
            return error.strerror
        where = Path(os.fsdecode(error.filename))
        # The name of a file that is being written would tell nobody anything.
        where = where.parent if where.name.startswith(UNFINISHED) else where
        exists = isinstance(error, FileExistsError)
        reason = "a file, where a folder is needed" if exists else error.strerror
        return f"{printable(where)}: {reason}"
    if isinstance(error, MemoryError) and not str(error):
        return "not enough memory for this picture"
    lines = str(error).removeprefix(f"{about}: ").splitlines()
    return printable(" ".join(line.strip() for line in lines))


def printable(name: Path | str) -> str:
    """A name with line breaks, control characters and undecodable bytes written as escapes."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in str(name)
    )
