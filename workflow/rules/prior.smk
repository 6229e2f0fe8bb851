rule sample_prior:
    """Draws from the prior and the prior predictive distribution."""
    input:
        job=GRAPH.job("sample_prior"),
        upstream=GRAPH.upstream("sample_prior"),
        data=ancient("results/{analysis}/{dataset}/data.{model}.json"),
        meta=ancient("results/{analysis}/{dataset}/data.{model}.meta.json"),
        executable=ancient(GRAPH.files("sample_prior", "executable")),
    output:
        GRAPH.pictures("sample_prior"),
        prior="results/{analysis}/{dataset}/{model}/prior.nc",
        checks="results/{analysis}/{dataset}/{model}/prior.json",
        key="results/{analysis}/{dataset}/{model}/.keys/sample_prior",
    log:
        "logs/{analysis}/{dataset}/{model}/sample_prior.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        key=GRAPH.key("sample_prior"),
    shell:
        "exec stanchion-step {input.job:q}"
