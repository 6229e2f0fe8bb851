"""How much a report weighs: pictures that are too many are made smaller, or left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from stanchion.report.effects import Effects
from stanchion.report.pictures import Shown, halved
from stanchion.report.predictive import Predicted, PriorView, Replicated
from stanchion.report.sections import MANY, ChainsView, Densities, Page

MOST_PICTURE_BYTES = 3_500_000
"""As base64, so that a report stays under 5 MB whatever an analysis declares."""


def within_size(page: Page) -> Page:
    """Leave out pictures where they are too many, the least telling first to go."""
    room = _Room(MOST_PICTURE_BYTES)
    if len(page.chains) >= MANY and _size(page) > MOST_PICTURE_BYTES:
        room.change = halved
    page = replace(
        page,
        effects=room.keep(page.effects),
        replicated=room.keep(page.replicated),
        predicted=room.keep(page.predicted),
        priors=room.keep(page.priors),
        chains=room.keep_plots(room.keep(page.chains)),
        densities=room.keep(page.densities),
    )
    replications = room.keep_folded(page.replicated)
    return replace(page, replicated=replications, chains=room.keep_folded(page.chains))


class _Room:
    """Leaves out pictures beyond what a report may weigh; `change` may make each one smaller."""

    def __init__(self, size: int) -> None:
        self.budget = size
        self.change: Callable[[Shown], Shown] = lambda shown: shown

    def keep[View: (Replicated, Predicted, PriorView, ChainsView, Densities, Effects)](
        self, views: tuple[View, ...]
    ) -> tuple[View, ...]:
        return tuple(replace(view, pictures=self._of(view.pictures)) for view in views)

    def keep_folded[View: (ChainsView, Replicated)](
        self, views: tuple[View, ...]
    ) -> tuple[View, ...]:
        return tuple(replace(view, folded=self._of(view.folded)) for view in views)

    def keep_plots(self, views: tuple[ChainsView, ...]) -> tuple[ChainsView, ...]:
        return tuple(replace(view, plots=self._of(view.plots)) for view in views)

    def _of(self, pictures: tuple[Shown, ...]) -> tuple[Shown, ...]:
        return tuple(map(self._within_budget, pictures))

    def _within_budget(self, shown: Shown) -> Shown:
        if self.budget < 0 or shown.picture is None:
            return replace(shown, picture=None)
        changed = self.change(shown)
        self.budget -= _weight(changed)
        return changed if self.budget >= 0 else replace(shown, picture=None)


def _weight(shown: Shown) -> int:
    return len(shown.picture.address) if shown.picture is not None else 0


def _size(page: Page) -> int:
    pictures = [
        *(view.pictures for view in page.effects),
        *(view.pictures + view.folded for view in page.replicated),
        *(view.pictures for view in page.predicted),
        *(view.pictures for view in page.priors),
        *(view.pictures for view in page.densities),
        *(view.pictures + view.folded + view.plots for view in page.chains),
    ]
    return sum(_weight(picture) for of_view in pictures for picture in of_view)
