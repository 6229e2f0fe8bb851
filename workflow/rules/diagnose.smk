rule diagnose_fit:
    """Checks a fit against its thresholds, an approximation against NUTS, and writes its verdict."""
    input:
        job=GRAPH.job("diagnose_fit"),
        upstream=GRAPH.upstream("diagnose_fit"),
        draws=ancient("results/{analysis}/{dataset}/{model}/{method}/draws.nc"),
        references=ancient(
            GRAPH.files("diagnose_fit", "references", "reference_diagnostics")
        ),
    output:
        GRAPH.pictures("diagnose_fit"),
        diagnostics="results/{analysis}/{dataset}/{model}/{method}/diagnostics.json",
        key="results/{analysis}/{dataset}/{model}/{method}/.keys/diagnose_fit",
    log:
        "logs/{analysis}/{dataset}/{model}/{method}/diagnose_fit.log",
    group:
        "fit-{method}"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        key=GRAPH.key("diagnose_fit"),
    shell:
        "exec stanchion-step {input.job:q}"


rule draw_plot:
    """Draws a fit by a declared function of arviz_plots, whatever its verdict."""
    input:
        job=GRAPH.job("draw_plot"),
        upstream=GRAPH.upstream("draw_plot"),
        draws=ancient("results/{analysis}/{dataset}/{model}/{method}/draws.nc"),
    output:
        plot="results/{analysis}/{dataset}/{model}/{method}/plots/{plot}.png",
        judgement="results/{analysis}/{dataset}/{model}/{method}/plots/{plot}.json",
        key="results/{analysis}/{dataset}/{model}/{method}/.keys/draw_plot.{plot}",
    log:
        "logs/{analysis}/{dataset}/{model}/{method}/draw_plot.{plot}.log",
    wildcard_constraints:
        plot="plot_[a-z_0-9]+",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        key=GRAPH.key("draw_plot"),
    shell:
        "exec stanchion-step {input.job:q}"
