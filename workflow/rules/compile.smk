rule compile_program:
    """Compiles a Stan program, once for all fits that use it."""
    input:
        job=GRAPH.job("compile_program"),
        program=ancient(GRAPH.files("compile_program", "program")),
    output:
        executable=".stanchion/programs/{program}/model",
        key=".stanchion/programs/{program}/.keys/compile_program",
    log:
        "logs/programs/{program}/compile_program.log",
    threads: 1
    resources:
        mem_mb=2500,
        runtime=30,
    params:
        key=GRAPH.key("compile_program"),
    shell:
        "exec stanchion-step {input.job:q}"
