rule sample_chain:
    """Runs a fit's method: one of its chains, or all of an approximation."""
    input:
        job=GRAPH.job("sample_chain"),
        upstream=GRAPH.upstream("sample_chain"),
        data=ancient("results/{analysis}/{dataset}/data.{model}.json"),
        executable=ancient(GRAPH.files("sample_chain", "executable")),
        init=ancient(GRAPH.files("sample_chain", "init")),
    output:
        chain="results/{analysis}/{dataset}/{model}/{method}/chains/chain_{chain}.csv",
        key="results/{analysis}/{dataset}/{model}/{method}/.keys/sample_chain.{chain}",
    log:
        "logs/{analysis}/{dataset}/{model}/{method}/sample_chain.{chain}.log",
    threads: GRAPH.threads("sample_chain")
    resources:
        mem_mb=GRAPH.memory("sample_chain"),
        runtime=GRAPH.minutes("sample_chain"),
    params:
        key=GRAPH.key("sample_chain"),
    shell:
        "exec stanchion-step {input.job:q}"


rule sample_fit:
    """Samples a fit whose method decides by results what to run next, with a core a chain."""
    input:
        job=GRAPH.job("sample_fit"),
        upstream=GRAPH.upstream("sample_fit"),
        data=ancient(GRAPH.files("sample_fit", "data")),
        executable=ancient(GRAPH.files("sample_fit", "executable")),
        init=ancient(GRAPH.files("sample_fit", "init")),
        source=ancient(GRAPH.files("sample_fit", "source")),
        script=ancient(GRAPH.files("sample_fit", "script", "sources", "lock")),
    output:
        chains="results/{analysis}/{dataset}/{model}/{method}/chains/chains.zip",
        key="results/{analysis}/{dataset}/{model}/{method}/.keys/sample_fit",
    log:
        "logs/{analysis}/{dataset}/{model}/{method}/sample_fit.log",
    threads: GRAPH.threads("sample_fit")
    resources:
        mem_mb=GRAPH.memory("sample_fit"),
        runtime=GRAPH.minutes("sample_fit"),
    params:
        key=GRAPH.key("sample_fit"),
    shell:
        "exec stanchion-step {input.job:q}"


rule generate_quantities:
    """Draws a program's generated quantities at the parameters that a fit has drawn."""
    input:
        job=GRAPH.job("generate_quantities"),
        upstream=GRAPH.upstream("generate_quantities"),
        draws=ancient(GRAPH.files("generate_quantities", "chains", "source")),
        diagnostics=ancient(GRAPH.files("generate_quantities", "diagnostics")),
        data=ancient(GRAPH.files("generate_quantities", "data")),
        executable=ancient(GRAPH.files("generate_quantities", "executable")),
    output:
        quantities="results/{analysis}/{dataset}/{model}/{method}/chains/quantities.npz",
        key="results/{analysis}/{dataset}/{model}/{method}/.keys/generate_quantities",
    log:
        "logs/{analysis}/{dataset}/{model}/{method}/generate_quantities.log",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        key=GRAPH.key("generate_quantities"),
    shell:
        "exec stanchion-step {input.job:q}"


rule collect_draws:
    """Joins a fit's chains, and its prior where there is one, into draws and a summary."""
    input:
        job=GRAPH.job("collect_draws"),
        upstream=GRAPH.upstream("collect_draws"),
        chains=ancient(GRAPH.files("collect_draws", "chains", "source", "quantities")),
        data=ancient(GRAPH.files("collect_draws", "data", "meta")),
        prior=ancient(GRAPH.files("collect_draws", "prior", "prior_checks")),
    output:
        draws="results/{analysis}/{dataset}/{model}/{method}/draws.nc",
        summary="results/{analysis}/{dataset}/{model}/{method}/summary.csv",
        key="results/{analysis}/{dataset}/{model}/{method}/.keys/collect_draws",
    log:
        "logs/{analysis}/{dataset}/{model}/{method}/collect_draws.log",
    group:
        "fit-{method}"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        key=GRAPH.key("collect_draws"),
    shell:
        "exec stanchion-step {input.job:q}"
