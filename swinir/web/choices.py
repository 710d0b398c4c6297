"""From what is wrong with a picture, in plain words, to a task and weights of the table."""

from collections.abc import Iterable
from dataclasses import dataclass

from swinir.checkpoints import CheckpointError, places
from swinir.checkpoints.loading import OURS, SOURCES
from swinir.tasks import (
    TASKS,
    Bicubic,
    Checkpoint,
    CompressedBicubic,
    Degradation,
    GaussianNoise,
    Jpeg,
    RealWorld,
    Task,
    find_task,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What may be wrong with a picture.

    Attributes:
        key: its name in the program.
        title: its name on the page.
        kind: the degradation of the tasks that undo it.
        level: what the strength of the degradation is called; empty where it has none.
        usual: the level where nothing is known of the picture.
        span: least and greatest level to choose.
    """

    key: str
    title: str
    kind: type[Degradation]
    level: str = ""
    usual: int = 0
    span: tuple[int, int] = (0, 0)


PROBLEMS: dict[str, Problem] = {
    each.key: each
    for each in (
        Problem("enlarge", "Too small: enlarge it", Bicubic),
        Problem("noise", "Grainy: remove noise", GaussianNoise, "Noise level (sigma)", 25, (0, 75)),
        Problem("jpeg", "Blocky: remove JPEG artifacts", Jpeg, "JPEG quality", 40, (1, 100)),
        Problem("real", "A real-world photo: enlarge and repair it", RealWorld),
        Problem("compressed", "Small and blocky: enlarge a strong JPEG", CompressedBicubic),
    )
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A task with weights for it.

    Attributes:
        task: what is done.
        weights: what ``--weights`` takes: ours, or the name of a published file.
        there: whether the weights lie on this machine.
    """

    task: Task
    weights: str
    there: bool

    @property
    def key(self) -> str:
        """Its name among the choices, as ``sr_x4/ours``."""
        return f"{self.task.name}/{self.weights}"

    @property
    def label(self) -> str:
        """What people read."""
        if self.weights == OURS:
            return f"{self.task.title}: ours, {self.task.from_source(OURS)[0].file}"
        fetched = "" if self.there else f", fetched on first use{self.megabytes}"
        (entry,) = (it for it in self.task.published if it.file == self.weights)
        return f"{self.task.title}: {entry.source}, {self.weights}{fetched}"

    @property
    def spelled(self) -> str:
        """The weights as a command line names them; empty where they are what it takes anyway."""
        return "" if self.weights == self.usual(self.task) else self.weights

    @property
    def megabytes(self) -> str:
        """The size of published weights, where it is known: `` (67 MB)``."""
        size = next((it.bytes for it in self.task.checkpoints if it.file == self.weights), None)
        return f" ({size / 1e6:.0f} MB)" if size else ""

    @staticmethod
    def usual(task: Task) -> str:
        """The weights that are taken for a task where nobody names any."""
        first = task.checkpoints[0]
        return OURS if first.source == OURS else first.file


def choices(tasks: Iterable[Task] = TASKS.values()) -> list[Choice]:
    """Every pair of a task and weights that can be had here; ours first within a task."""
    return [choice for task in tasks for choice in _of_task(task)]


def _of_task(task: Task) -> list[Choice]:
    found = [Choice(task, OURS, there=True)] if _shipped(task) else []
    for entry in task.published:
        there = _cached(entry)
        if there or not places.offline():
            found.append(Choice(task, entry.file, there))
    return found


def _shipped(task: Task) -> bool:
    ours = task.from_source(OURS)
    return bool(ours) and (places.shipped() / ours[0].file).is_file()


def _cached(entry: Checkpoint) -> bool:
    try:
        return (places.cache() / entry.file).is_file()
    except CheckpointError:
        return False


def choose(task: str, weights: str = "") -> Choice:
    """The choice that a caller names; no weights are those that are taken by default.

    Raises:
        ValueError: no such task, or weights that are not offered for it. A path is not: a visitor
            may not name files of this machine.
    """
    row = find_task(task)
    offered = _of_task(row)
    if weights != OURS and weights in SOURCES:
        weights = next((entry.file for entry in row.from_source(weights)), weights)
    for choice in offered:
        if choice.weights == (weights or Choice.usual(row)):
            return choice
    names = ", ".join(choice.weights for choice in offered) or "none, as this server is offline"
    raise ValueError(f"the weights for {row.name} are {names}; got {weights or 'none'!r}")


def scales(problem: Problem) -> list[int]:
    """The enlargements that can be had for a problem, in order."""
    return sorted({each.task.network.scale for each in _for_problem(problem)})


def suited(
    problem: Problem, *, scale: int = 1, level: float = 0, grey: bool = False
) -> list[Choice]:
    """What may undo a problem, the best suited first, of what lies here before what is fetched.

    Args:
        problem: what is wrong.
        scale: enlargement, for a problem that has one.
        level: of noise or JPEG; tasks of the nearest one are taken.
        grey: of the picture; networks for grey pictures serve only those.
    """
    found = _for_problem(problem)
    if problem.level:
        found = [each for each in found if (each.task.network.channels == 1) == grey] or found
        nearest = {each: abs(_level(each.task) - level) for each in found}
        found = [each for each in found if nearest[each] == min(nearest.values())]
    else:
        found = [each for each in found if each.task.network.scale == scale]
    return distinct(found)


def distinct(found: Iterable[Choice]) -> list[Choice]:
    """Each weights file once: ours first, then what lies here, then what is fetched."""
    files: dict[str, Choice] = {}
    for each in sorted(found, key=lambda it: (it.weights != OURS, not it.there)):
        file = each.task.from_source(OURS)[0].file if each.weights == OURS else each.weights
        files.setdefault(file, each)
    return list(files.values())


def problems() -> list[Problem]:
    """The problems for which there is a choice."""
    return [each for each in PROBLEMS.values() if _for_problem(each)]


def _for_problem(problem: Problem) -> list[Choice]:
    return choices(task for task in TASKS.values() if isinstance(task.undoes, problem.kind))


def _level(task: Task) -> float:
    undoes = task.undoes
    if isinstance(undoes, GaussianNoise):
        return undoes.sigma
    return undoes.quality if isinstance(undoes, Jpeg) else 0
