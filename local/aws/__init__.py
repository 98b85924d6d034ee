"""The server of the embedded AWS: ministack, with a layer in front of it that adds what ministack lacks.

The layer answers and refuses as AWS documents, writes the CloudTrail record of each KMS call that changes something,
and knows who calls. **It does not enforce**: IAM policies and key policies are stored, not evaluated, so a call that
AWS would deny succeeds here.
"""
