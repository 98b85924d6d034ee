"""The sweep at KMS's own rates: `python -m bench.sweep`.

One process plays AWS, on 127.0.0.1: KMS with its request quotas, and as much of SQS, DynamoDB and SNS as the functions
use. Others play Lambda: each runs the handler of a function, with real boto3 clients, on messages that it takes from
the queue as Lambda's poller does.
"""
