# make run      installs what is missing, then runs the analyses of config/config.yaml
# make install  installs what is missing: .venv, the locked packages, a CmdStan
# make test     runs the tests
# make engines  installs PyMC and NumPyro into .venv-engines, for config/gallery/engines.yaml
# make check    lints, checks the types, validates the declaration
# make clean    removes what runs have written; never touches data/, config/, stan/

.PHONY: run install engines test check docs clean packages test-packages
BIN := .venv/bin

run: packages
	@$(BIN)/stanchion run --cores all

install: packages
	@$(BIN)/stanchion toolchain path >/dev/null 2>&1 || $(BIN)/stanchion toolchain install

engines:
	@sh workflow/install.sh scripts/gallery/engines.lock .venv-engines

test: test-packages
	@$(BIN)/stanchion toolchain path >/dev/null 2>&1 || $(BIN)/stanchion toolchain install
	@$(BIN)/python -m pytest -n 3 --dist loadfile

check: test-packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy workflow/stanchion
	$(BIN)/stanchion check

docs: packages
	@$(BIN)/python -m stanchion.config.docs config

clean:
	rm -rf .snakemake .stanchion logs
	mkdir -p results
	find results -type f ! -name '*.dvc' ! -name .gitignore ! -name '*.manifest.json' -delete
	find results -mindepth 1 -type d -empty -delete

packages:
	@sh workflow/install.sh workflow/requirements.lock

test-packages:
	@sh workflow/install.sh workflow/requirements-dev.lock
