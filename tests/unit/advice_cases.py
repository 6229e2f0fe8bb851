"""Programs for advice, made of canonical text without stanc."""

from __future__ import annotations

from stanchion.stan.program import Program, Variable
from stanchion.stan.sizes import declarations

BLOCKS = ("data", "parameters", "transformed parameters", "generated quantities")


def program_of(path: str = "m.stan", /, **blocks: str) -> Program:
    """Return the program of these blocks, in Stan's order, as stanc would describe it."""
    names = [
        "functions",
        "data",
        "transformed_data",
        "parameters",
        "transformed_parameters",
        "model",
        "generated_quantities",
    ]
    texts = {name.replace("_", " "): blocks.get(name, "") for name in names}
    written = {name: f"{name} {{\n{text}\n}}\n" for name, text in texts.items() if text}
    variables = {
        name: tuple(
            Variable(
                n,
                "real" if d.kind not in ("int", "vector", "matrix") else d.kind,
                len(d.sizes),
                d.sizes,
                d.kind,
                d.lower,
                d.upper,
            )
            for n, d in declarations(written.get(name, "")).items()
        )
        for name in BLOCKS
    }
    return Program(
        path=path,
        canonical="".join(written.values()),
        data=variables["data"],
        parameters=variables["parameters"],
        transformed_parameters=variables["transformed parameters"],
        generated_quantities=variables["generated quantities"],
        includes=(),
    )
