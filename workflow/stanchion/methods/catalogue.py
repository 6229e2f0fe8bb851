"""Every method that can be declared: its name, and the file that says all of it."""

from __future__ import annotations

from collections.abc import Mapping

from stanchion.methods.advi import Advi
from stanchion.methods.fixed_param import FixedParam
from stanchion.methods.method import Method
from stanchion.methods.nuts import Nuts

METHODS: Mapping[str, type[Method]] = {
    "nuts": Nuts,
    "advi": Advi,
    "fixed_param": FixedParam,
}
