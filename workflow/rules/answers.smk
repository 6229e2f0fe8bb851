rule answer_questions:
    """Answers what is asked of an analysis by name, from the draws of its fits."""
    input:
        job=GRAPH.job("answer_questions"),
        upstream=GRAPH.upstream("answer_questions"),
        draws=ancient(GRAPH.files("answer_questions", "draws")),
        diagnostics=ancient(GRAPH.files("answer_questions", "diagnostics")),
        comparison=ancient(GRAPH.files("answer_questions", "comparison", "judgement")),
    output:
        answers="results/{analysis}/answers.csv",
        details="results/{analysis}/answers.json",
        key="results/{analysis}/.keys/answer_questions",
    log:
        "logs/{analysis}/answer_questions.log",
    group:
        "analysis"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        key=GRAPH.key("answer_questions"),
    shell:
        "exec stanchion-step {input.job:q}"
