# FooSets. `make` lists what there is; every target makes what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
PURE := tests/{api,cli,planning,placement,fooset,batchfooset,servicefooset,fooquota,scheduler}

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

$(INSTALLED): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: setup
setup: $(INSTALLED) ## make the virtual environment from the lock

.PHONY: demo
demo: setup ## bring a cluster up, apply a FooSet, watch it run, see its trace (CLUSTER=kind|local|existing)
	$(BIN)/python -m e2e.demo

.PHONY: up
up: setup ## bring the cluster up, with the suite installed
	$(BIN)/python -m e2e.cluster up

.PHONY: cluster
cluster: setup ## bring the cluster up, with Jaeger and the images, without the suite
	$(BIN)/python -m e2e.cluster up --no-components

.PHONY: env
env: ## print what puts kubectl and helm for the cluster on PATH: eval "$$(make -s env)"
	@$(BIN)/python -m e2e.cluster env

.PHONY: trace
trace: ## draw the newest trace of a FooSet: SET=demo NAMESPACE=default
	@$(BIN)/python -m e2e.trace $(SET) --namespace $(or $(NAMESPACE),default)

.PHONY: image
image: setup ## build the suite's image (BASE_IMAGE= takes another base)
	$(BIN)/python -m e2e.cluster image

.PHONY: down
down: setup ## remove the cluster: processes, ports and files
	$(BIN)/python -m e2e.cluster down

.PHONY: test
test: check unit coverage slow e2e e2e-kind ## everything that proves the suite on this machine

.PHONY: check
check: setup ## style, types, layers, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python -m foosets.api.crd --check
	$(BIN)/python -m e2e.chartvalues --check

.PHONY: binaries
binaries: setup ## find, download or build what clusters are made of: etcd, the control plane, KWOK, Helm, Jaeger
	$(BIN)/python -m e2e.cluster binaries

.PHONY: unit
unit: binaries ## tests that need no cluster
	$(BIN)/pytest -m "not cluster and not kind and not slow"

.PHONY: coverage
coverage: setup ## every branch of the pure files is taken by a test by value; what only hypothesis reaches does not count
	$(BIN)/coverage run -m pytest -m "not cluster and not kind and not slow and not hypothesis" $(PURE)
	$(BIN)/coverage report

.PHONY: slow
slow: setup ## tests that wait for half a minute of real time, such as for the system's word that a peer is gone
	$(BIN)/pytest -m slow

.PHONY: e2e
e2e: binaries ## tests against a real API server that they bring up themselves
	$(BIN)/pytest -m cluster

.PHONY: e2e-kind
e2e-kind: binaries ## tests with real kubelets, in a cluster that they bring up; only where a container engine answers
	$(BIN)/pytest -m kind

.PHONY: differential
differential: binaries ## a thousand random histories on the fake API server of the tests and on a real one
	PYTHONPATH=. $(BIN)/python -m tests.fake.differential

.PHONY: sequences
sequences: setup ## all components in virtual time (SEEDS=23, KILLS=all for more; UPDATE=1 writes the traces)
	$(BIN)/pytest tests/sequences

.PHONY: quotas
quotas: setup ## a thousand random histories under FooQuotas, in virtual time; writes its figures (COUNT=)
	PYTHONPATH=. $(BIN)/python -m tests.sequences.quotas --count $(or $(COUNT),1000)

.PHONY: controls
controls: setup ## seeded mistakes in a copy of the package: each must be noticed
	CONTROLS=all $(BIN)/pytest tests/controls

.PHONY: fmt
fmt: setup ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: generate
generate: setup ## write crds/ from the models, and the charts' tables of values
	$(BIN)/python -m foosets.api.crd
	$(BIN)/python -m e2e.chartvalues

.PHONY: generate-pod-schema
generate-pod-schema: setup ## write the pod template's schema from the API server of `make up`
	eval "$$($(BIN)/python -m e2e.cluster env)" && kubectl get --raw /openapi/v3/api/v1 | $(BIN)/python -m foosets.api.podtemplate --server-openapi -
	$(BIN)/python -m foosets.api.crd

.PHONY: bench
bench: binaries ## pods bound per second beside Job and Deployment (PODS= NODES= REPEATS= ONLY=job,batch)
	$(BIN)/python -m e2e.bench.contest --pods $(or $(PODS),1000) --nodes $(or $(NODES),1000) --repeats $(or $(REPEATS),5) $(if $(ONLY),--only $(ONLY))

.PHONY: sweep
sweep: binaries ## a fault at every write of every story, and ten idle minutes; writes its figures (half an hour)
	$(BIN)/python -m e2e.sweep

.PHONY: bench-pod-path
bench-pod-path: setup ## CPU of the batch controller per pod, beside the client library's ordinary way
	$(BIN)/python -m e2e.bench.pod_path

.PHONY: mutants
mutants: setup ## a hundred small mistakes in the plans: how many the tests notice (SAMPLE=, SEED=)
	$(BIN)/python -m tests.mutants --sample $(or $(SAMPLE),100) --seed $(or $(SEED),1)

.PHONY: size
size: setup ## lines of code per room
	$(BIN)/python -m e2e.size

.PHONY: lock
lock: setup ## write the lock files anew
	$(BIN)/uv pip compile --quiet pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --all-extras --group dev pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --group build -o requirements-build.lock
