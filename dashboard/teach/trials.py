"""The examples of a lesson taught otherwise for a moment: queries are answered, then it is forgotten."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from dashboard.connection import answered, client
from dashboard.teach.lesson import Lesson, Query, Setting, Trial
from imaml.client import ApiError, Client, ClientError, Limits

AT_ONCE = 4  # trials; the service has about as many workers
SECONDS = 300  # after which the service forgets what could not be deleted


def is_tried(lesson: Lesson, settings: Iterable[Setting], queries: Sequence[Query]) -> bool:
    """Return whether all these trials have been made before."""
    numbers = _numbers(queries)
    return all((setting, numbers) in lesson.trials for setting in settings)


def trials(
    lesson: Lesson,
    settings: Sequence[Setting],
    queries: Sequence[Query],
    limits: Limits,
    *,
    progress: Callable[[float], object] = lambda share: None,
) -> list[Trial | None]:
    """Teach and ask in each setting, unless the lesson remembers it; None where it diverged.

    `progress` is called with the share that is done. Raises ClientError.
    """
    numbers, service = _numbers(queries), client()
    missing = [setting for setting in dict.fromkeys(settings) if (setting, numbers) not in lesson.trials]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        made = {
            threads.submit(_trial, service, limits, lesson, setting, queries): setting for setting in missing
        }
        try:
            for done, future in enumerate(as_completed(made), 1):
                lesson.trials[made[future], numbers] = future.result()
                progress(done / len(made))
        except ClientError:
            threads.shutdown(cancel_futures=True)
            raise
    return [lesson.trials[setting, numbers] for setting in settings]


def _trial(
    service: Client, limits: Limits, lesson: Lesson, setting: Setting, queries: Sequence[Query]
) -> Trial | None:
    try:
        adaptation = service.adapt(
            setting.model,
            lesson.support,
            lam=setting.lam,
            max_steps=setting.max_steps,
            store_examples=False,
            ttl_seconds=min(SECONDS, limits.max_ttl_seconds),
        )
    except ApiError as error:
        if error.type.endswith("/diverged"):
            return None
        raise
    try:
        images = [query.picture.data for query in queries]
        return Trial(adaptation, answered(service, limits, adaptation.id, images))
    finally:
        service.delete_adaptation(adaptation.id)


def _numbers(queries: Sequence[Query]) -> tuple[int, ...]:
    return tuple(query.number for query in queries)
