rule generate_effects:
    """Draws a program's quantity on a grid of predictors, at the draws of a fit."""
    input:
        job=GRAPH.job("generate_effects"),
        upstream=GRAPH.upstream("generate_effects"),
        draws=ancient(GRAPH.files("generate_effects", "source")),
        diagnostics=ancient(GRAPH.files("generate_effects", "diagnostics")),
        data=ancient(GRAPH.files("generate_effects", "data")),
        executable=ancient(GRAPH.files("generate_effects", "executable")),
    output:
        quantities="results/{analysis}/{dataset}/{model}/{method}/chains/effects.npz",
        key="results/{analysis}/{dataset}/{model}/{method}/.keys/generate_effects",
    log:
        "logs/{analysis}/{dataset}/{model}/{method}/generate_effects.log",
    group:
        "effects-{method}"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        key=GRAPH.key("generate_effects"),
    shell:
        "exec stanchion-step {input.job:q}"


rule summarise_effects:
    """Summarises the conditional effects of predictors, and draws them with bands and data."""
    input:
        job=GRAPH.job("summarise_effects"),
        upstream=GRAPH.upstream("summarise_effects"),
        diagnostics=ancient(
            "results/{analysis}/{dataset}/{model}/{method}/diagnostics.json"
        ),
        quantities=ancient(GRAPH.files("summarise_effects", "quantities", "meta")),
    output:
        GRAPH.pictures("summarise_effects"),
        effects="results/{analysis}/{dataset}/{model}/{method}/effects.json",
        table="results/{analysis}/{dataset}/{model}/{method}/effects.csv",
        key="results/{analysis}/{dataset}/{model}/{method}/.keys/summarise_effects",
    log:
        "logs/{analysis}/{dataset}/{model}/{method}/summarise_effects.log",
    group:
        "effects-{method}"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        key=GRAPH.key("summarise_effects"),
    shell:
        "exec stanchion-step {input.job:q}"
