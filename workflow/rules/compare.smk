rule compare_models:
    """Compares the models of an analysis by PSIS-LOO."""
    input:
        job=GRAPH.job("compare_models"),
        upstream=GRAPH.upstream("compare_models"),
        draws=ancient(GRAPH.files("compare_models", "draws")),
        diagnostics=ancient(GRAPH.files("compare_models", "diagnostics")),
    output:
        comparison="results/{analysis}/comparison.csv",
        judgement="results/{analysis}/comparison.json",
        key="results/{analysis}/.keys/compare_models",
    log:
        "logs/{analysis}/compare_models.log",
    group:
        "analysis"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        key=GRAPH.key("compare_models"),
    shell:
        "exec stanchion-step {input.job:q}"
