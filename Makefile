# Shortcuts; each is one cargo command that works without make as well.

WORKER_ID ?= alice

.PHONY: dev worker demo verify bench

## dev: a coordinator on http://localhost:8000
dev:
	cargo run --release --example coordinator

## worker: a worker; make worker WORKER_ID=bob
worker:
	cargo run --release --example worker -- $(WORKER_ID)

## demo: the whole market on this machine
demo:
	cargo run --release --example demo

## verify: the gate that CI runs (see CONTRIBUTING.md)
verify:
	.ci/verify

## bench: throughput of whole task lives over HTTP
bench:
	cargo bench -p ai-market-benches --bench task_lives
