rule rescale_coefficients:
    """Brings coefficients of standardised predictors to the scale of their columns."""
    input:
        job=GRAPH.job("rescale_coefficients"),
        upstream=GRAPH.upstream("rescale_coefficients"),
        draws=ancient("results/{analysis}/{dataset}/{model}/{method}/draws.nc"),
        meta=ancient(GRAPH.files("rescale_coefficients", "meta")),
        diagnostics=ancient(
            "results/{analysis}/{dataset}/{model}/{method}/diagnostics.json"
        ),
    output:
        original_scale="results/{analysis}/{dataset}/{model}/{method}/original_scale.csv",
        key="results/{analysis}/{dataset}/{model}/{method}/.keys/rescale_coefficients",
    log:
        "logs/{analysis}/{dataset}/{model}/{method}/rescale_coefficients.log",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        key=GRAPH.key("rescale_coefficients"),
    shell:
        "exec stanchion-step {input.job:q}"
