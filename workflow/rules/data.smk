rule make_table:
    """Makes a dataset's table by a person's own script."""
    input:
        job=GRAPH.job("make_table"),
        files=ancient(GRAPH.files("make_table")),
    output:
        table="results/{analysis}/{dataset}/table.csv",
        key="results/{analysis}/{dataset}/.keys/make_table",
    log:
        "logs/{analysis}/{dataset}/make_table.log",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=GRAPH.minutes("make_table"),
    params:
        key=GRAPH.key("make_table"),
    shell:
        "exec stanchion-step {input.job:q}"


rule prepare_data:
    """Reads, checks and maps a dataset to the data block of a program."""
    input:
        job=GRAPH.job("prepare_data"),
        upstream=GRAPH.upstream("prepare_data"),
        files=ancient(GRAPH.files("prepare_data")),
    output:
        data="results/{analysis}/{dataset}/data.{model}.json",
        meta="results/{analysis}/{dataset}/data.{model}.meta.json",
        key="results/{analysis}/{dataset}/.keys/prepare_data.{model}",
    log:
        "logs/{analysis}/{dataset}/prepare_data.{model}.log",
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        key=GRAPH.key("prepare_data"),
    shell:
        "exec stanchion-step {input.job:q}"


rule prepare_quantities_data:
    """Makes the data of generated quantities: with new rows that the fit does not have."""
    input:
        job=GRAPH.job("prepare_quantities_data"),
        upstream=GRAPH.upstream("prepare_quantities_data"),
        files=ancient(GRAPH.files("prepare_quantities_data")),
    output:
        data="results/{analysis}/{dataset}/{model}/data.{purpose}.json",
        meta="results/{analysis}/{dataset}/{model}/data.{purpose}.meta.json",
        key="results/{analysis}/{dataset}/{model}/.keys/prepare_quantities_data.{purpose}",
    log:
        "logs/{analysis}/{dataset}/{model}/prepare_quantities_data.{purpose}.log",
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        key=GRAPH.key("prepare_quantities_data"),
    shell:
        "exec stanchion-step {input.job:q}"
