configfile: "config/config.yaml"


module stanchion:
    snakefile:
        "workflow/Snakefile"
    config:
        config


use rule * from stanchion
