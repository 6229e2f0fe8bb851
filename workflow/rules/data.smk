rule prepare_data:
    """Reads, checks and maps a dataset to the data block of a program."""
    input:
        job=GRAPH.job("prepare_data"),
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
