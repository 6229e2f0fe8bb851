rule predict_outcomes:
    """Compares replicated with observed data and predicts new rows."""
    input:
        job=GRAPH.job("predict_outcomes"),
        upstream=GRAPH.upstream("predict_outcomes"),
        draws=ancient("results/{analysis}/{dataset}/{model}/{method}/draws.nc"),
        meta=ancient(GRAPH.files("predict_outcomes", "meta")),
        diagnostics=ancient(
            "results/{analysis}/{dataset}/{model}/{method}/diagnostics.json"
        ),
    output:
        GRAPH.pictures("predict_outcomes"),
        predictive="results/{analysis}/{dataset}/{model}/{method}/predictive.json",
        key="results/{analysis}/{dataset}/{model}/{method}/.keys/predict_outcomes",
    log:
        "logs/{analysis}/{dataset}/{model}/{method}/predict_outcomes.log",
    group:
        "fit-{method}"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        key=GRAPH.key("predict_outcomes"),
    shell:
        "exec stanchion-step {input.job:q}"
