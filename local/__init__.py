"""The embedded AWS: what `make demo` and the whole-stack tests run the service on. Nothing in here is deployed.

`local.embedded` starts it, `local.deploy` runs the real `sam build` and `sam deploy` onto it, `local.slack` is a Slack
incoming webhook to post to. `local.aws` is the server itself and runs in ministack's own virtual environment.
"""
