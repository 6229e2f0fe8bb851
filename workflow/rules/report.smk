rule write_report:
    """Writes the report of an analysis; always, whatever the verdicts."""
    input:
        job=GRAPH.job("write_report"),
        upstream=GRAPH.upstream("write_report"),
        files=ancient(GRAPH.files("write_report")),
    output:
        report="results/{analysis}/report.html",
        metrics="results/{analysis}/metrics.json",
        key="results/{analysis}/.keys/write_report",
    log:
        "logs/{analysis}/write_report.log",
    group:
        "analysis"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        key=GRAPH.key("write_report"),
    shell:
        "exec stanchion-step {input.job:q}"


rule write_tables:
    """Writes answers, summaries and comparisons as tables for documents."""
    input:
        job=GRAPH.job("write_tables"),
        upstream=GRAPH.upstream("write_tables"),
        files=ancient(GRAPH.files("write_tables")),
    output:
        tables="results/{analysis}/tables.docx",
        key="results/{analysis}/.keys/write_tables",
    log:
        "logs/{analysis}/write_tables.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        key=GRAPH.key("write_tables"),
    shell:
        "exec stanchion-step {input.job:q}"


rule check_verdicts:
    """Fails, after the report, where a fit, a comparison or a prior failed that is to stop."""
    input:
        job=GRAPH.job("check_verdicts"),
        upstream=GRAPH.upstream("check_verdicts"),
        report=ancient("results/{analysis}/report.html"),
        diagnostics=ancient(GRAPH.files("check_verdicts", "diagnostics")),
        comparison=ancient(GRAPH.files("check_verdicts", "comparison")),
        answers=ancient(GRAPH.files("check_verdicts", "answers")),
        effects=ancient(GRAPH.files("check_verdicts", "effects")),
        plots=ancient(GRAPH.files("check_verdicts", "plots")),
        priors=ancient(GRAPH.files("check_verdicts", "priors")),
    output:
        verdicts="results/{analysis}/verdicts.json",
        key="results/{analysis}/.keys/check_verdicts",
    log:
        "logs/{analysis}/check_verdicts.log",
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        key=GRAPH.key("check_verdicts"),
    shell:
        "exec stanchion-step {input.job:q}"
